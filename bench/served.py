"""A fake DynamoDB, Cognito, S3 and key server with fixed responses, in a separate process.

Its CPU time is not measured.
"""

import base64
import itertools
import json
import re
import sys
import time
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

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
ADMINISTRATORS = {
    "members": {"M": {"5f0c2b7e-0000-4000-8000-00000000c0de": {"N": "1795000000"}}},
    "removed": {"M": {}},
    "version": {"S": "0123456789abcdef0123456789abcdef"},
}
CLAIMS = {"sub": "5f0c2b7e-0000-4000-8000-00000000c0de", "email": "jane@example.com", "token_use": "id"}
# About as long as Cognito's tokens. Nobody verifies the signature.
TOKEN = (
    f"{'h' * 100}.{base64.urlsafe_b64encode(json.dumps({**CLAIMS, 'more': 'm' * 400}).encode()).decode()}.{'s' * 342}"
)
ACCOUNT = {
    "Username": CLAIMS["sub"],
    "UserAttributes": [
        {"Name": "sub", "Value": CLAIMS["sub"]},
        {"Name": "email", "Value": "jane@example.com"},
        {"Name": "email_verified", "Value": "true"},
        {"Name": "name", "Value": "Jane Doe"},
    ],
}
TOKENS = {"AccessToken": TOKEN, "IdToken": TOKEN, "RefreshToken": "A" * 1700, "TokenType": "Bearer", "ExpiresIn": 900}
ANSWERS = {
    "GetItem": {"Item": USER},
    "Scan": {"Items": [USER] * 50, "Count": 50, "ScannedCount": 50},
    "GetUser": ACCOUNT,
    "AdminGetUser": {
        **ACCOUNT,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
        **dict.fromkeys(("UserCreateDate", "UserLastModifiedDate"), 1795000000),
    },
    "AdminListGroupsForUser": {"Groups": [{"GroupName": "apiAdmins"}]},
    "InitiateAuth": {"AuthenticationResult": TOKENS, "ChallengeParameters": {}},
}


requests = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    """A request.

    ``sys.argv``: the key set as JSON, DynamoDB's delay in seconds, n to drop every n-th request (0: none), and two
    pictures as JSON: the one of which pages are full, and the one that awaits its upload. Standard input: that upload.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # send a response as one packet: otherwise, its second half waits for an acknowledgement
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Send the interim response at once: botocore waits up to a second for it before it sends an object."""
        invited = super().handle_expect_100()
        self.wfile.flush()
        return invited

    def do_GET(self) -> None:
        self._answer(sys.argv[1].encode() if self.path == "/keys" else upload)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"")

    def do_DELETE(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "X-Amz-Target" not in self.headers:  # S3's DeleteObjects
            deleted = b"".join(b"<Deleted>%s</Deleted>" % key for key in re.findall(rb"<Key>.*?</Key>", body))
            self._answer(b"<DeleteResult>%s</DeleteResult>" % deleted)
            return
        time.sleep(float(sys.argv[2]))
        if int(sys.argv[3]) and next(requests) % int(sys.argv[3]) == 0:
            self.close_connection = True
            return
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        request = json.loads(body)
        answer = _picture(operation, request) or ANSWERS.get(operation, {})
        if operation == "GetItem" and "id" in request["Key"]:
            answer = {"Item": ADMINISTRATORS}
        content = json.dumps(answer).encode()
        checksum = {"x-amz-crc32": str(zlib.crc32(content))} if "DynamoDB" in self.headers["X-Amz-Target"] else {}
        self._answer(content, checksum)

    def _answer(self, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _picture(operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """Keep the one picture that is processed. Once it is ready, it is read as awaiting its upload, as at first."""
    if operation == "PutItem" and "mediaid" in request["Item"]:
        table["picture"] = request["Item"]
    elif operation == "GetItem" and "mediaid" in request["Key"]:
        if table["picture"]["status"] == listed["status"]:
            table["picture"] = awaited
        return {"Item": table["picture"]}
    return None


if __name__ == "__main__":
    listed, awaited = json.loads(sys.argv[4])
    table = {"picture": awaited}
    upload = sys.stdin.buffer.read()
    ANSWERS["Query"] = {"Items": [listed] * 50, "Count": 50, "ScannedCount": 50}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
