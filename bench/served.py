"""A fake DynamoDB, Cognito and key server with fixed responses, in a separate process.

Its CPU time is not measured.
"""

import base64
import itertools
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Strings only: the workshop's function cannot return a number that it has read.
USER = {
    "userid": {"S": "jane"},
    "name": {"S": "Jane Doe"},
    "likes": {"L": [{"S": "chess"}, {"S": "tea"}]},
    "timestamp": {"S": "2026-11-21T08:00:00.000Z"},
    # The attributes that Roster uses.
    "document": {"M": {"name": {"S": "Jane Doe"}, "likes": {"L": [{"S": "chess"}, {"S": "tea"}]}}},
    "revision": {"S": "0123456789abcdef0123456789abcdef"},
}
CLAIMS = {"sub": "5f0c2b7e-0000-4000-8000-00000000c0de", "email": "jane@example.com", "token_use": "id"}
# About as long as Cognito's tokens. Nobody verifies the signature.
TOKEN = (
    f"{'h' * 100}.{base64.urlsafe_b64encode(json.dumps({**CLAIMS, 'more': 'm' * 400}).encode()).decode()}.{'s' * 342}"
)
TOKENS = {"AccessToken": TOKEN, "IdToken": TOKEN, "RefreshToken": "A" * 1700, "TokenType": "Bearer", "ExpiresIn": 900}
ANSWERS = {
    "GetItem": {"Item": USER},
    "Scan": {"Items": [USER] * 50, "Count": 50, "ScannedCount": 50},
    "InitiateAuth": {"AuthenticationResult": TOKENS, "ChallengeParameters": {}},
}


requests = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    """``sys.argv``: the key set as JSON, DynamoDB's delay in seconds, and n to drop every n-th request (0: none)."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # send a response as one packet: otherwise, its second half waits for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(sys.argv[1].encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[2]))
        if int(sys.argv[3]) and next(requests) % int(sys.argv[3]) == 0:
            self.close_connection = True
            return
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self._answer(json.dumps(ANSWERS.get(operation, {})).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
