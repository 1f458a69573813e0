#!/usr/bin/env python3
"""PyPI's `openai` as a client of `masa serve`; ends with status 0 if all came out as it should, with 77
where the package is missing.

    tests/cli/openai_client.py URL
"""
import asyncio
import sys

try:
    import openai
except ImportError:
    sys.exit(77)

HOW = dict(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)
CHAT = [{"role": "user", "content": "a b"}]
client = openai.OpenAI(**HOW)
model = client.models.list().data[0].id


def chats():
    whole = client.chat.completions.create(
        model=model, messages=CHAT, seed=3, max_tokens=12, n=2, logprobs=True
    )
    assert [c.index for c in whole.choices] == [0, 1]
    assert whole.usage.completion_tokens == sum(len(c.logprobs.content) for c in whole.choices)
    text, usage = "", None
    for chunk in client.chat.completions.create(
        model=model, messages=CHAT, seed=3, max_tokens=12, stream=True,
        stream_options={"include_usage": True},
    ):
        usage = usage or chunk.usage
        text += "".join(c.delta.content or "" for c in chunk.choices)
    assert text == whole.choices[0].message.content, (text, whole)
    assert usage.completion_tokens == len(whole.choices[0].logprobs.content), usage


def completions():
    whole = client.completions.create(
        model=model, prompt="a b", seed=5, max_tokens=9, temperature=0.7, logprobs=0
    )
    logprobs = whole.choices[0].logprobs
    assert all(p <= 0 for p in logprobs.token_logprobs)
    assert "".join(logprobs.tokens) == whole.choices[0].text
    streamed = client.completions.create(
        model=model, prompt="a b", seed=5, max_tokens=9, temperature=0.7, stream=True
    )
    assert "".join(c.text for s in streamed for c in s.choices) == whole.choices[0].text


def refusals():
    try:
        client.completions.create(model=model, prompt="a", max_tokens=-1)
    except openai.BadRequestError as refused:
        assert "max_tokens" in refused.message, refused
    else:
        raise AssertionError("max_tokens -1 was taken")


async def crowd():
    many = openai.AsyncOpenAI(**HOW)
    texts = await asyncio.gather(
        *(
            many.completions.create(model=model, prompt="a b", seed=k % 4, max_tokens=8)
            for k in range(64)
        )
    )
    for k, answer in enumerate(texts):
        assert answer.choices[0].text == texts[k % 4].choices[0].text


chats()
completions()
refusals()
asyncio.run(crowd())
