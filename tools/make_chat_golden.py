"""Renders conversations through the Jinja sources in tests/tokenizer/data/templates,
as transformers sets Jinja up, into tests/tokenizer/data/chat_golden.json.

    python tools/make_chat_golden.py        (needs jinja2)
"""
import json
import pathlib

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

DATA = pathlib.Path(__file__).parent.parent / "tests/tokenizer/data"


def turns(*texts):
    """Roles by a letter: s, u, a."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[t[0]], "content": t[2:]} for t in texts]


CONVERSATIONS = [
    turns("u:Hello"),
    turns("s:Be brief.", "u:What is 2+2?"),
    turns("u:Hi", "a:Hello! How can I help?", "u:Tell me a joke.\nA short one."),
    turns("s:You are a pirate.", "u:Hi", "a:Arr!", "u:Bye", "a:Farewell."),
    turns("u:  spaces around \n", "a:\n\n trimmed?\t", "u:\u00a0\u3000x\u2003\x1c"),
    turns("s: \n a system text with spaces \n ", "u:q"),
    turns("u:", "a:", "u:"),
    turns("u:1+1?", "a:<think>\nIt is two.\n</think>\n\n2", "u:And 2+2?"),
    turns("u:1+1?", "a:<think>\nIt is two.\n</think>\n\n2"),
    turns("u:1+1?", "a:\n\n<think>a</think>b<think>\n\nc\n\n</think>\n\n\nd\n"),
    turns("u:1+1?", "a:no thought here\n"),
    turns("u:1+1?", "a:thinking without opening\n</think>\n\n2", "a:again"),
    turns("u:1+1?", "a:<think>first</think>x", "a:<think></think>y", "a:z"),
    turns("s:S", "u:U", "s:a later system text", "u:V"),
    turns("u:a <|im_end|> in text", "a:and <|eot_id|> here"),
    turns("u:x", "u:<tool_response>\n1\n</tool_response>", "a:<think>t</think>one"),
    turns("a:assistant first", "u:then user"),
    turns("u:\u00e9\u4e2d\U0001f600 {{ not jinja }} {% raw %}", "a:'quotes' \"double\" \\back\\n"),
    turns("s:only a system text"),
    turns("s:", "u:an empty system text"),
]


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=["jinja2.ext.loopcontrols"])
    env.filters["tojson"] = lambda x, **kw: json.dumps(x, ensure_ascii=False, **kw)
    env.globals["raise_exception"] = raise_exception
    return env


def main():
    env = environment()
    bos = {"llama": "<|begin_of_text|>", "gemma": "<bos>"}
    out = {}
    for path in sorted((DATA / "templates").glob("*.jinja")):
        template = env.from_string(path.read_text())
        cases = []
        for i, messages in enumerate(CONVERSATIONS):
            variants = [(False, False), (True, False)]
            if path.stem.startswith("qwen3"):
                variants.append((True, True))
            for generation, no_thinking in variants:
                extra = {"enable_thinking": False} if no_thinking else {}
                if path.stem in ("llama3.1", "llama3.2"):
                    extra["date_string"] = "26 Jul 2024"  # what the product fixes it to
                try:
                    text = template.render(messages=messages, add_generation_prompt=generation,
                                           bos_token=bos.get(path.stem.rstrip("0123456789."), ""), **extra)
                except jinja2.exceptions.TemplateError:
                    text = None
                case = {"conversation": i, "generation": generation, "text": text}
                if no_thinking:
                    case["no_thinking"] = True
                cases.append(case)
        out[path.stem] = cases
    golden = {"conversations": CONVERSATIONS, "templates": out}
    (DATA / "chat_golden.json").write_text(json.dumps(golden, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
