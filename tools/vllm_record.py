#!/usr/bin/env python3
"""Writes down what passes between masa and a vLLM server, for tests/cli/data/vllm-*.jsonl.

    tools/vllm_record.py URL FILE        prints its port; masa is given http://127.0.0.1:PORT

A line a call: path, request, status, answer. Left out is what is null; of paths the last name is
kept. How the files that there are were made (vLLM 0.32.0, its CPU backend):

    masa init untied --hidden 64 --layers 2 --heads 2 --kv-heads 1 --context 512 --untied
    VLLM_SERVER_DEV_MODE=1 vllm serve untied --dtype float32 --max-model-len 512 --enforce-eager \\
        --enable-scale-out --logprobs-mode processed_logprobs
    (the run of replays() in tests/cli/test_remote.c, with MASA_ISA=reference)

and `tied` likewise, without --untied.
"""
import http.server
import json
import sys
import threading
import urllib.error
import urllib.request

BEHIND = sys.argv[1]
out = open(sys.argv[2], "w")
lock = threading.Lock()


def bare(value):
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [bare(v) for v in value]
    return value.rsplit("/", 1)[1] if isinstance(value, str) and value.startswith("/") else value


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self, body):
        request = urllib.request.Request(BEHIND + self.path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                status, data = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, data = e.code, e.read()
        call = {"path": self.path, "request": bare(json.loads(body)) if body else None,
                "status": status, "answer": bare(json.loads(data))}
        with lock:
            out.write(json.dumps(call, separators=(",", ":")) + "\n")
            out.flush()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.pass_on(None)

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
