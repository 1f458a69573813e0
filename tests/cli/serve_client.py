#!/usr/bin/env python3
"""Clients of `masa serve`, good and bad; ends with status 0 if all came out as it should.

    tests/cli/serve_client.py URL CHECK...
"""
import http.client
import json
import socket
import struct
import sys
import threading
import urllib.parse

HOST, PORT = urllib.parse.urlsplit(sys.argv[1]).netloc.split(":")
CHAT = [{"role": "user", "content": "a b"}]


def ask(path, body=None, method=None):
    """Status and JSON of an answer."""
    connection = http.client.HTTPConnection(HOST, int(PORT), timeout=120)
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    connection.request(method or ("POST" if body is not None else "GET"), path, body)
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "application/json", answer.getheaders()
    result = answer.status, json.loads(answer.read())
    connection.close()
    return result


def complete(**body):
    status, answer = ask("/v1/completions", body)
    assert status == 200, answer
    return answer


def stream(path, **body):
    """The events of a stream."""
    connection = http.client.HTTPConnection(HOST, int(PORT), timeout=120)
    connection.request("POST", path, json.dumps(dict(body, stream=True)))
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
    events = answer.read().decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""], events[-2:]
    assert all(e.startswith("data: ") for e in events[:-2])
    return [json.loads(e[6:]) for e in events[:-2]]


def raw(data, shut=True):
    """What comes back for bytes as they stand."""
    with socket.create_connection((HOST, int(PORT)), timeout=20) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
            return s.recv(4096)
        except OSError:
            return b""


def refused(path, body, part, status=400):
    got, answer = ask(path, body)
    error = answer.get("error", {})
    assert got == status and part in error["message"], (body, got, answer)
    assert error["type"] and set(error) == {"message", "type", "param", "code"}, error


def endpoints():
    status, models = ask("/v1/models")
    assert status == 200 and models["data"][0]["id"] == "model"
    assert models["data"][0]["owned_by"] == "masa"
    status, health = ask("/health")
    assert status == 200 and health["status"] == "ok" and len(health["weight_version"]) == 16
    one = complete(prompt="a b", max_tokens=9, seed=5, logprobs=0)
    choice = one["choices"][0]
    assert one["object"] == "text_completion" and one["usage"]["completion_tokens"] <= 9
    assert one["usage"]["total_tokens"] == one["usage"]["prompt_tokens"] + one["usage"]["completion_tokens"]
    assert len(choice["logprobs"]["tokens"]) == len(choice["logprobs"]["token_logprobs"])
    assert "".join(choice["logprobs"]["tokens"]) == choice["text"]
    assert all(p < 0 for p in choice["logprobs"]["token_logprobs"])
    assert one["choices"] == complete(prompt="a b", max_tokens=9, seed=5, logprobs=0)["choices"]
    others = {complete(prompt="a b", max_tokens=9)["choices"][0]["text"] for _ in range(4)}
    assert len(others) > 1, "without a seed all are the same"
    many = complete(prompt=["a b", "c"], n=3, max_tokens=4, seed=5)["choices"]
    assert [c["index"] for c in many] == list(range(6))
    assert complete(prompt=[many_ids("c"), [1, 2]], max_tokens=4, seed=5)["choices"]
    greedy = [complete(prompt="a", temperature=0, max_tokens=8)["choices"][0]["text"] for _ in "ab"]
    assert greedy[0] == greedy[1]
    text = complete(prompt="a b", max_tokens=30, seed=1)["choices"][0]["text"]
    stop = text[3:5]
    cut = complete(prompt="a b", max_tokens=30, seed=1, stop=[stop])["choices"][0]
    assert cut["text"] == text[:text.index(stop)] and cut["finish_reason"] == "stop"
    status, chat = ask("/v1/chat/completions", {"messages": CHAT, "max_tokens": 5, "seed": 2,
                                                "logprobs": True})
    choice = chat["choices"][0]
    assert status == 200 and chat["object"] == "chat.completion"
    assert choice["message"]["role"] == "assistant" and choice["finish_reason"] in ("stop", "length")
    pieces = [bytes(t["bytes"]) for t in choice["logprobs"]["content"]]
    assert b"".join(pieces).decode(errors="replace") == choice["message"]["content"]
    parts = [{"role": "user", "content": [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]}]
    assert ask("/v1/chat/completions", {"messages": parts, "max_tokens": 5, "seed": 2})[1][
        "choices"][0]["message"] == choice["message"]


def many_ids(text):
    return [ord(c) % 50 for c in text * 4]


def streams():
    for seed in range(4):
        body = dict(prompt="a b", max_tokens=12, seed=seed, n=2, stop=["zq", "x"])
        whole = complete(**body)["choices"]
        events = stream("/v1/completions", **body, stream_options={"include_usage": True})
        texts, ends = ["", ""], [None, None]
        assert events[-1]["choices"] == [] and events[-1]["usage"]["prompt_tokens"] > 0
        for e in events[:-1]:
            choice = e["choices"][0]
            assert ends[choice["index"]] is None
            texts[choice["index"]] += choice["text"]
            ends[choice["index"]] = choice["finish_reason"]
        assert texts == [c["text"] for c in whole], (texts, whole)
        assert ends == [c["finish_reason"] for c in whole]
    body = dict(messages=CHAT, max_tokens=7, seed=3, logprobs=True)
    whole = ask("/v1/chat/completions", body)[1]["choices"][0]
    events = stream("/v1/chat/completions", **body)
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all("role" not in e["choices"][0]["delta"] for e in events[1:])
    assert "".join(e["choices"][0]["delta"]["content"] for e in events) == whole["message"]["content"]
    logprobs = [t for e in events for t in e["choices"][0]["logprobs"]["content"]]
    assert logprobs == whole["logprobs"]["content"]
    assert events[-1]["choices"][0]["finish_reason"] == whole["finish_reason"]
    status, answer = ask("/v1/completions", {"prompt": "", "stream": True})
    assert status == 400 and "empty" in answer["error"]["message"]


def crowd():
    """64 connections at once get what each would get alone, some of them as streams."""
    body = [dict(prompt="a b c d"[: 1 + k % 7], max_tokens=1 + k % 40, seed=k, n=1 + k % 3)
            for k in range(64)]
    alone = [[c["text"] for c in complete(**b)["choices"]] for b in body]
    got, together = [None] * 64, threading.Barrier(64)

    def client(k):
        together.wait()
        if k % 4:
            got[k] = [c["text"] for c in complete(**body[k])["choices"]]
            return
        texts = [""] * body[k]["n"]
        for e in stream("/v1/completions", **body[k]):
            texts[e["choices"][0]["index"]] += e["choices"][0]["text"]
        got[k] = texts

    threads = [threading.Thread(target=client, args=(k,)) for k in range(64)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == alone, [k for k in range(64) if got[k] != alone[k]]


WRONG = [
    ("/v1/completions", "{", "no JSON"), ("/v1/completions", "[]", "no JSON object"),
    ("/v1/completions", b"\xff\xfe\x00", "no JSON"), ("/v1/completions", b'{"prompt":"\xff"}', "no JSON"),
    ("/v1/completions", "[" * 100000, "no JSON"), ("/v1/completions", '{"a":' * 50000, "no JSON"),
    ("/v1/completions", {}, "'prompt'"), ("/v1/completions", {"prompt": 5}, "'prompt'"),
    ("/v1/completions", {"prompt": []}, "1 to"), ("/v1/completions", {"prompt": [[]]}, "empty"),
    ("/v1/completions", {"prompt": ["a"] * 5000}, "'prompt'"),
    ("/v1/completions", {"prompt": "a " * 20000}, "no room"),
    ("/v1/completions", {"prompt": [1, -1]}, "no token id"),
    ("/v1/completions", {"prompt": [1, 10**12]}, "no token id"),
    ("/v1/completions", {"prompt": [1, "a"]}, "no token id"),
    ("/v1/completions", {"prompt": "a", "n": 0}, "'n'"),
    ("/v1/completions", {"prompt": "a", "n": 10**9}, "'n'"),
    ("/v1/completions", {"prompt": ["a", "b"], "n": 4000}, "responses"),
    ("/v1/completions", {"prompt": "a", "max_tokens": -1}, "'max_tokens'"),
    ("/v1/completions", {"prompt": "a", "max_tokens": 1.5}, "'max_tokens'"),
    ("/v1/completions", {"prompt": "a", "temperature": "x"}, "'temperature'"),
    ("/v1/completions", {"prompt": "a", "temperature": 1e-9}, "temperature"),
    ("/v1/completions", {"prompt": "a", "temperature": -1}, "'temperature'"),
    ("/v1/completions", {"prompt": "a", "top_p": 0}, "'top_p'"),
    ("/v1/completions", {"prompt": "a", "seed": "x"}, "'seed'"),
    ("/v1/completions", {"prompt": "a", "stop": ""}, "'stop'"),
    ("/v1/completions", {"prompt": "a", "stop": ["x"] * 100}, "'stop'"),
    ("/v1/completions", {"prompt": "a", "stop": {"x": 1}}, "'stop'"),
    ("/v1/completions", {"prompt": "a", "logprobs": 5}, "'logprobs'"),
    ("/v1/completions", {"prompt": "a", "stream": "yes"}, "'stream'"),
    ("/v1/completions", {"prompt": "a", "echo": True}, "'echo'"),
    ("/v1/completions", {"prompt": "a", "frequency_penalty": 1}, "'frequency_penalty'"),
    ("/v1/chat/completions", {"messages": "a"}, "'messages'"),
    ("/v1/chat/completions", {"messages": [1]}, "messages[0]"),
    ("/v1/chat/completions", {"messages": [{"role": 1, "content": "a"}]}, "messages[0]"),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
     "messages[0]"),
    ("/v1/chat/completions", {"messages": CHAT, "tools": [{"type": "function"}]}, "'tools'"),
    ("/inference/v1/generate", {"token_ids": [1]}, "'sampling_params'"),
    ("/inference/v1/generate", {"token_ids": "a", "sampling_params": {}}, "'token_ids'"),
    ("/inference/v1/generate", {"token_ids": [], "sampling_params": {}}, "context"),
    ("/inference/v1/generate", {"token_ids": [1] * 5000, "sampling_params": {}}, "context"),
    ("/inference/v1/generate", {"token_ids": [1], "sampling_params": {"stop_token_ids": [1] * 99}},
     "'stop_token_ids'"),
    ("/inference/v1/generate", {"token_ids": [1], "sampling_params": {}, "masa": {"key": "z"}}, "'key'"),
    ("/inference/v1/generate", {"token_ids": [1], "sampling_params": {}, "masa": {}}, "'key'"),
    ("/inference/v1/generate", {"token_ids": [1], "sampling_params": {"n": 2},
                                "masa": {"key": "1", "limits": [1]}}, "'limits'"),
    ("/inference/v1/generate", {"token_ids": [1], "sampling_params": {"max_tokens": 9999},
                                "masa": {"key": "1"}}, "context"),
    ("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": "/"}}, "--weights"),
]


def hostile():
    for path, body, part in WRONG:
        refused(path, body, part)
    refused("/v1/completions", b" " * (5 << 20), "4 MiB", 413)
    refused("/nowhere", None, "nothing", 404)
    refused("/v1/completions", None, "POST", 405)
    assert ask("/health", "{}")[0] == 405
    for data in (b"\x00" * 5000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000,
                 b"GET / HTTP/1.1\r\nX: " + b"y" * 200000 + b"\r\n\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                 b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{\"prompt\""):
        assert b" 200 " not in raw(data)
    # Those that leave in the middle, by a reset, and those that never say a word.
    body = json.dumps({"prompt": "a", "max_tokens": 1500, "stream": True}).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    for k in range(8):
        s = socket.create_connection((HOST, int(PORT)))
        s.sendall(head + body)
        if k % 2:
            s.recv(100)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    silent = [socket.create_connection((HOST, int(PORT))) for _ in range(100)]
    assert complete(prompt="a b", max_tokens=3)["choices"]
    for s in silent:
        s.close()
    for _ in range(300):  # what nobody waits for ends
        health = ask("/health")[1]
        if health["requests"] == 0:
            return
        threading.Event().wait(0.1)
    raise AssertionError(health)


def reload_weights(folder, version):
    return ask("/collective_rpc", {"method": "reload_weights", "kwargs": {
        "weights_path": folder, "weight_version": version}})


def cuts():
    """Weights that are cut short before they are read, or while they are: those of before stay."""
    whole = open("shared/model/model.safetensors", "rb").read()
    body = dict(prompt="a b", max_tokens=9, seed=5)
    ours = complete(**body)["choices"]
    assert reload_weights("shared/model", "v1")[0] == 200
    theirs = complete(**body)["choices"]
    assert ours != theirs
    over = threading.Event()

    def spoil():
        with open("shared/model/model.safetensors", "r+b") as file:
            while not over.is_set():
                file.truncate(5000)
                over.wait(0.002)
                file.seek(0)
                file.write(whole)
                file.flush()
                over.wait(0.004)

    spoiler = threading.Thread(target=spoil)
    spoiler.start()
    failed = read = 0
    for k in range(2, 402):
        status, answer = reload_weights("shared/model", "v%d" % k)
        if status == 200:
            read = k
        else:
            message = answer["error"]["message"]
            failed += 1
            assert "shared/model is not read, the weights stay " in message, message
        version = ask("/health")[1]["weight_version"]
        assert status != 200 or version == "v%d" % k
    over.set()
    spoiler.join()
    assert failed, read
    with open("shared/model/model.safetensors", "r+b") as file:
        file.truncate(len(whole) - 4)
    assert reload_weights("shared/model", "v0")[0] == 500
    assert complete(**body)["choices"][0]["text"]


for check in sys.argv[2:]:
    globals()[check]()
