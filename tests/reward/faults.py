"""A server of rewards that fails in the way that the path names; prints its port."""
import http.server, json, os, time

fails = 0

class Faults(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_POST(self):
        global fails
        lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
        replies = [json.dumps({"id": json.loads(line)["id"], "reward": 0.25}) for line in lines]
        status = 200
        if self.path == "/404": status = 404
        if self.path == "/500": status = 500
        if self.path == "/flaky": # every other request fails
            fails += 1
            status = 503 if fails % 2 else 200
        if self.path == "/hang": time.sleep(5)
        if self.path == "/nonsense": replies = ["<html>"]
        if self.path == "/short": replies.pop()
        if self.path == "/close": return
        body = "\n".join(replies).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faults)
print(server.server_port, flush=True)
server.serve_forever()
