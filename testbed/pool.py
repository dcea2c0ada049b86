"""A user pool whose signing keys the tests own, so that it can make any token, valid or not.

Its key server listens on loopback and can be made to misbehave.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

REGION = "us-east-1"
Jwk = Mapping[str, str]


def b64(value: Any) -> str:
    """Return bytes, text or a JSON value in base64url without padding, as in JOSE. Text and JSON become UTF-8 first."""
    if not isinstance(value, bytes | str):
        value = json.dumps(value)
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else value.encode()).rstrip(b"=").decode()


class Key:
    """An RSA signing key."""

    def __init__(self, bits: int = 2048) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        numbers = self.private.public_key().public_numbers()
        n = numbers.n.to_bytes(bits // 8)
        self.kid = base64.b64encode(hashlib.sha256(n).digest()).decode()
        self.jwk = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": b64(n),
            "e": b64(numbers.e.to_bytes(3)),
        }

    def sign(self, message: bytes, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature of ``message``, with SHA-256 or another hash ``algorithm``."""
        return self.private.sign(message, padding.PKCS1v15(), algorithm or hashes.SHA256())


class Pool:
    """Makes tokens as Cognito does. Claims and headers can be replaced, or omitted with the value ``...``."""

    def __init__(self, pool_id: str = "us-east-1_OursOurs1", client_id: str = "ourclient") -> None:
        self.id = pool_id
        self.arn = f"arn:aws:cognito-idp:{REGION}:123456789012:userpool/{pool_id}"
        self.client_id = client_id
        self.issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool_id}"
        self.key = Key()

    def settings(self, keys: "KeyServer | str") -> dict[str, str]:
        """Return Roster's settings for this pool. ``keys`` is its key server, or the URL of one."""
        return {
            "USER_POOL_ID": self.id,
            "USER_POOL_ARN": self.arn,
            "APPLICATION_CLIENT_ID": self.client_id,
            "JWKS_URL": keys if isinstance(keys, str) else keys.url,
        }

    def claims(self, use: str = "id", **changes: Any) -> dict[str, Any]:
        """Return the claims of a token of this pool."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": "5f0c2b7e-0000-4000-8000-00000000c0de",
            "iss": self.issuer,
            "token_use": use,
            "iat": now,
            "auth_time": now,
            "exp": now + 3600,
            "jti": "5e8e0b9b",
        }
        claims |= (
            {"aud": self.client_id, "cognito:username": claims["sub"], "email": "jane@example.com"}
            if use == "id"
            else {"client_id": self.client_id, "username": claims["sub"], "scope": "aws.cognito.signin.user.admin"}
        )
        return _changed(claims, changes)

    def token(
        self, use: str = "id", *, key: Key | None = None, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """Return a signed token. ``changes`` replace claims, and ``header`` replaces members of the header."""
        key = key or self.key
        return self.sign(self.claims(use, **changes), _changed({"kid": key.kid, "alg": "RS256"}, header or {}), key)

    def sign(self, claims: Any, header: Any = None, key: Key | None = None) -> str:
        """Return a token with any header and claims. Text and bytes are used as they are, other values as JSON."""
        key = key or self.key
        message = f"{b64(header or {'kid': key.kid, 'alg': 'RS256'})}.{b64(claims)}"
        return f"{message}.{b64(key.sign(message.encode()))}"


def _changed(members: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not ...}


class KeyServer:
    """Serves a JWK Set on loopback, or anything else.

    ``answer`` is the body of the responses, or a function that responds with the request handler that it gets.
    ``requests`` counts the requests.
    """

    def __init__(self, *jwks: Jwk) -> None:
        self.answer: bytes | Callable[[Any], object] = json.dumps({"keys": list(jwks)}).encode()
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                if callable(server.answer):
                    server.answer(self)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(server.answer)))
                    self.end_headers()
                    self.wfile.write(server.answer)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                pass  # clients close the connection to a misbehaving server

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def serve(self, *jwks: Jwk) -> None:
        """Serve these keys from now on."""
        self.answer = json.dumps({"keys": list(jwks)}).encode()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
