#!/usr/bin/python3
"""The reward of reward.py over HTTP.  python3 examples/reward_server.py 8000
   --set reward.url=http://127.0.0.1:8000/"""
import http.server, json, sys
from reward import reward

class Rewards(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
        body = "".join(json.dumps(reward(json.loads(line))) + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Rewards)
print(server.server_port, flush=True)
server.serve_forever()
