#!/usr/bin/env python3
"""What a vLLM server answered once (tools/vllm_record.py), to the same questions.

    tests/cli/vllm_replay.py FILE prints its port.

Every call must be one that was recorded and not made yet, member for member; what may differ is the
name of the weights, which hold the last bits of the machine that computes. /left says how many
calls of the record nobody has made.
"""
import http.server
import json
import sys
import threading

left = [json.loads(line) for line in open(sys.argv[1])]
lock = threading.Lock()
told = {}  # a recorded name of weights: today's


def same(path, recorded, request):
    if path == "/update_weight_version":
        return set(recorded) == set(request)
    if path == "/collective_rpc":
        name = request["kwargs"]["weights_path"].rsplit("/", 1)[1]
        return recorded == dict(request, kwargs=dict(request["kwargs"], weights_path=name))
    return recorded == request


def find(path, request):
    for call in left:
        if call["path"] == path and same(path, call["request"], request):
            left.remove(call)
            return call
    return {"status": 422, "answer": {"detail": "not recorded: %s %s" % (path, request)}}


def answer(path, request):
    with lock:
        call = find(path, request)
    if path == "/update_weight_version" and call["status"] == 200:
        told[call["answer"]["new_version"]] = request["new_version"]
    for choice in call["answer"].get("choices", []):
        for span in choice["weight_versions"]:
            span["version"] = told.get(span["version"], span["version"])
    return call["status"], call["answer"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, what):
        data = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.reply(*((200, len(left)) if self.path == "/left" else answer(self.path, None)))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(*answer(self.path, body))

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
