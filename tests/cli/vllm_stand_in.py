#!/usr/bin/env python3
"""A stand-in for vLLM, as far as its interface goes: the numbers come from a `masa serve` behind it.

    tests/cli/vllm_stand_in.py URL [FAULT] prints its port.

It refuses what vLLM would not know, so that a test shows that only vLLM's own members are sent.
FAULT spoils answers: `shifted` and `raw` log-probabilities (a little, and beyond the canary),
`stale` (of weights that were read second, a little other ones than of the first),
`version` (of other weights, once the canary has passed), `unversioned` (of weights without a
name), `unstopped` (an end that is none), `short` (a choice less), `canned` (no JSON); `busy` keeps
its prefix cache, `closed` was started without --enable-scale-out.
"""
import http.server
import json
import sys
import urllib.error
import urllib.request

BEHIND, FAULT = sys.argv[1], (sys.argv[2:] or [""])[0]
PARAMS = {"n", "temperature", "top_p", "min_p", "top_k", "max_tokens", "seed", "logprobs",
          "stop_token_ids", "ignore_eos", "detokenize"}
state = {"version": "default", "loads": 0, "stale": True}


def forward(path, body):
    request = urllib.request.Request(BEHIND + path, body and json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def models():
    answer = forward("/v1/models", None)
    answer["data"][0]["owned_by"] = "vllm"
    return answer


def rpc(body):
    assert set(body) == {"method", "kwargs"} and set(body["kwargs"]) == {"weights_path"}, body
    forward("/collective_rpc", body)
    state.update(loads=state["loads"] + 1, stale=True)
    return {"results": [None]}


def reset(body):
    assert body == {}, body
    state["stale"] = FAULT == "busy"
    return {"success": not state["stale"]}


def name(body):
    assert set(body) == {"new_version"}, body
    state["version"] = body["new_version"]
    return {"success": True, "new_version": body["new_version"]}


def generate(body):
    params = body["sampling_params"]
    assert set(body) == {"token_ids", "sampling_params", "output_mode"}, body
    assert set(params) <= PARAMS and 0 <= params["seed"] < 2**63 and params["logprobs"] == 0, params
    assert not state["stale"], "the prefix cache is of other weights"
    canary = params["n"] == 1 and params["max_tokens"] == 16
    answer = forward("/inference/v1/generate", {"token_ids": body["token_ids"], "sampling_params": params})
    for c in answer["choices"]:
        del c["seconds"]
        (span,) = c["weight_versions"]
        span["version"] = "default" if FAULT == "version" and not canary else state["version"]
        if FAULT == "unversioned":
            c["weight_versions"] = None
        for k, t in enumerate(c["logprobs"]["content"]):
            t["logprob"] += {"shifted": -0.04 * (k % 2), "raw": -0.3,
                             "stale": -0.004 * (state["loads"] > 1)}.get(FAULT, 0)
        if FAULT == "unstopped" and not canary:
            c["finish_reason"] = "abort"
    if FAULT == "short" and not canary:
        answer["choices"].pop()
    return answer


GENERATE = "/inference/v1/generate"
CALLS = {"/collective_rpc": rpc, "/reset_prefix_cache": reset, "/update_weight_version": name,
         GENERATE: generate}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, answer):
        data = b"<canned>" if answer == "canned" else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.reply(200, models())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if FAULT == "closed" and self.path == GENERATE:
                self.reply(403, {"error": {"message": "Scale-out endpoints are disabled."}})
                return
            answer = CALLS[self.path](body)
            canary = self.path == GENERATE and body["sampling_params"]["max_tokens"] == 16
            canned = FAULT == "canned" and self.path == GENERATE and not canary
            self.reply(200, "canned" if canned else answer)
        except urllib.error.HTTPError as e:
            self.reply(e.code, json.load(e))
        except (AssertionError, KeyError) as e:
            self.reply(422, {"detail": str(e)})

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
