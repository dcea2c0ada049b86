"""A user pool of the tests' own: its keys are ours, so that it can make any token, good or bad, and its key server
listens on loopback and can be told to misbehave."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

REGION = "us-east-1"


def b64(value):
    """base64url without padding, as in JOSE; text and JSON values are encoded first."""
    if not isinstance(value, bytes | str):
        value = json.dumps(value)
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else value.encode()).rstrip(b"=").decode()


class Key:
    """An RSA signing key."""

    def __init__(self, bits=2048):
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

    def sign(self, message, algorithm=None):
        """RSASSA-PKCS1-v1_5, with SHA-256 unless told otherwise."""
        return self.private.sign(message, padding.PKCS1v15(), algorithm or hashes.SHA256())


class Pool:
    """Makes tokens as Cognito does; what stands in one can be changed, or left out by ``...``."""

    def __init__(self, pool_id="us-east-1_OursOurs1", client_id="ourclient"):
        self.id = pool_id
        self.arn = f"arn:aws:cognito-idp:{REGION}:123456789012:userpool/{pool_id}"
        self.client_id = client_id
        self.issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool_id}"
        self.key = Key()

    def settings(self, keys):
        """Return Roster's settings for this pool, whose key server is ``keys``."""
        return {
            "USER_POOL_ID": self.id,
            "USER_POOL_ARN": self.arn,
            "APPLICATION_CLIENT_ID": self.client_id,
            "JWKS_URL": keys if isinstance(keys, str) else keys.url,
        }

    def claims(self, use="id", **changes):
        """What a token of this pool says."""
        now = int(time.time())
        claims = {
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

    def token(self, use="id", *, key=None, header=None, **changes):
        """A signed token."""
        key = key or self.key
        return self.sign(self.claims(use, **changes), _changed({"kid": key.kid, "alg": "RS256"}, header or {}), key)

    def sign(self, claims, header=None, key=None):
        """A token of any header and claims: values that are encoded as JSON, or text that is taken as it is."""
        key = key or self.key
        message = f"{b64(header or {'kid': key.kid, 'alg': 'RS256'})}.{b64(claims)}"
        return f"{message}.{b64(key.sign(message.encode()))}"


def _changed(members, changes):
    return {name: value for name, value in {**members, **changes}.items() if value is not ...}


class KeyServer:
    """Serves a JWK Set on loopback, or whatever ``answer`` is: bytes, or a function of the request handler."""

    def __init__(self, *jwks):
        self.answer = json.dumps({"keys": list(jwks)}).encode()
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests += 1
                if callable(server.answer):
                    server.answer(self)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(server.answer)))
                    self.end_headers()
                    self.wfile.write(server.answer)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass  # a client that hangs up on a misbehaving server

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def serve(self, *jwks):
        """From now on, these keys."""
        self.answer = json.dumps({"keys": list(jwks)}).encode()

    def close(self):
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
