"""Tokens that must be rejected, grouped by the clause that rejects them, and unusual tokens that must be accepted.

Each attack is the value of an ``Authorization`` header. The tests own the pool's private key, so each token is valid in
every respect but one.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from chalicelib.security.tokens import Reason
from testbed.pool import Key, Pool, b64

NOW = int(time.time())
DAY = 24 * 3600


@dataclass(frozen=True)
class Attack:
    """``authorization`` returns the header's value. The verifier must reject it for ``reason``."""

    name: str
    reason: Reason
    authorization: Callable[[Pool], str]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Oddity:
    """An unusual but valid token."""

    name: str
    authorization: Callable[[Pool], str]

    def __str__(self) -> str:
        return self.name


def _header(**changes: Any) -> Callable[[Pool], str]:
    return lambda pool: pool.token(header=changes)


def _issuer(change: Callable[[str], object]) -> Callable[[Pool], str]:
    return lambda pool: pool.token(iss=change(pool.issuer))


def _raw_claim(name: str, text: str) -> Callable[[Pool], str]:
    return lambda pool: _raw_payload(pool, **{name: text})


def _claims_attack(reason: Reason, name: str, use: str = "id", **changes: Any) -> Attack:
    return Attack(f"{use} token with {name}", reason, lambda pool: pool.token(use, **changes))


def _raw_payload(pool: Pool, **replaced: str) -> str:
    """Return a token whose signed payload has the given JSON text for some claims."""
    text = json.dumps(pool.claims(**dict.fromkeys(replaced, "@")))
    for name, value in replaced.items():
        text = text.replace(f'"{name}": "@"', f'"{name}": {value}')
    return pool.sign(text)


def _algorithm(alg: Any, sign: Callable[[Pool, bytes], bytes]) -> Callable[[Pool], str]:
    def make(pool: Pool) -> str:
        message = f"{b64({'alg': alg, 'kid': pool.key.kid, 'typ': 'JWT'})}.{b64(pool.claims())}"
        return f"{message}.{b64(sign(pool, message.encode()) or b'x')}"

    return make


def _hmac_with(secret: Callable[[Pool], bytes]) -> Callable[[Pool, bytes], bytes]:
    return lambda pool, message: hmac.new(secret(pool), message, sha256).digest()


def _public(encoding: serialization.Encoding, form: serialization.PublicFormat) -> Callable[[Pool], bytes]:
    return lambda pool: pool.key.private.public_key().public_bytes(encoding, form)


def _rsa(algorithm: hashes.HashAlgorithm) -> Callable[[Pool, bytes], bytes]:
    return lambda pool, message: pool.key.sign(message, algorithm)


def _pss(pool: Pool, message: bytes) -> bytes:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return pool.key.private.sign(message, pss, hashes.SHA256())


def _ecdsa(_: Pool, message: bytes) -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).sign(message, ec.ECDSA(hashes.SHA256()))


def _none(_: Pool, __: bytes) -> bytes:
    return b""


PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI, PKCS1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
OTHER_KEY = Key()


def _parts(pool: Pool) -> list[str]:
    return pool.token().split(".")


def _join(*parts: str) -> str:
    return ".".join(parts)


def _with(position: int, change: Callable[[str], str]) -> Callable[[Pool], str]:
    def make(pool: Pool) -> str:
        parts = _parts(pool)
        parts[position] = change(parts[position])
        return _join(*parts)

    return make


def _last_bits_set(part: str) -> str:
    """Encode the same bytes differently: the last character of a 256-byte value has four unused bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def _as_standard_base64(part: str) -> str:
    return part.replace("-", "+").replace("_", "/")


def _signature_with_both(pool: Pool) -> str:
    """Return a token whose signature has ``+`` and ``/`` in place of ``-`` and ``_``."""
    n = 0
    while True:
        header, payload, signature = pool.token(jti=str(n)).split(".")
        if "-" in signature and "_" in signature:
            return _join(header, payload, _as_standard_base64(signature))
        n += 1


FORM = [
    Attack("an empty value", Reason.MALFORMED, lambda pool: ""),
    Attack("a word", Reason.MALFORMED, lambda pool: "garbage"),
    Attack("only Bearer", Reason.MALFORMED, lambda pool: "Bearer"),
    Attack("Bearer twice", Reason.MALFORMED, lambda pool: f"Bearer Bearer {pool.token()}"),
    Attack("Bearer with a tab", Reason.MALFORMED, lambda pool: f"Bearer\t{pool.token()}"),
    Attack("Bearer with a tab and a space", Reason.MALFORMED, lambda pool: f"Bearer \t{pool.token()}"),
    Attack("Bearer with a colon", Reason.MALFORMED, lambda pool: f"Bearer: {pool.token()}"),
    Attack("Bearer with a comma", Reason.MALFORMED, lambda pool: f"Bearer {pool.token()},"),
    Attack("Bearer without a space", Reason.MALFORMED, lambda pool: f"Bearer{pool.token()}"),
    Attack("Basic", Reason.MALFORMED, lambda pool: f"Basic {pool.token()}"),
    Attack("Basic credentials", Reason.MALFORMED, lambda pool: "Basic YWRtaW46YWRtaW4="),
    Attack("quotes", Reason.MALFORMED, lambda pool: f'"{pool.token()}"'),
    Attack("two tokens", Reason.MALFORMED, lambda pool: f"{pool.token()} {pool.token()}"),
    Attack("two tokens with a comma", Reason.MALFORMED, lambda pool: f"{pool.token()},{pool.token()}"),
    Attack("one part", Reason.MALFORMED, lambda pool: _parts(pool)[1]),
    Attack("two parts", Reason.MALFORMED, lambda pool: _join(*_parts(pool)[:2])),
    Attack("an empty signature", Reason.MALFORMED, lambda pool: _join(*_parts(pool)[:2], "")),
    Attack("an empty payload", Reason.MALFORMED, _with(1, lambda _: "")),
    Attack("an empty header", Reason.MALFORMED, _with(0, lambda _: "")),
    Attack("only dots", Reason.MALFORMED, lambda pool: ".."),
    Attack("four parts", Reason.MALFORMED, lambda pool: _join(*_parts(pool), "x")),
    Attack(
        "five parts (JWE)",
        Reason.MALFORMED,
        lambda pool: _join(b64({"alg": "dir", "enc": "A128GCM"}), "", "x", "x", "x"),
    ),
    Attack("five parts, all filled", Reason.MALFORMED, lambda pool: _join(*_parts(pool), "x", "x")),
    Attack("a trailing dot", Reason.MALFORMED, lambda pool: pool.token() + "."),
    Attack("trailing data", Reason.MALFORMED, lambda pool: pool.token() + "#x"),
    Attack("padding on the header", Reason.MALFORMED, _with(0, lambda part: part + "=" * (-len(part) % 4 or 4))),
    Attack("padding on the payload", Reason.MALFORMED, _with(1, lambda part: part + "=" * (-len(part) % 4 or 4))),
    Attack("padding on the signature", Reason.MALFORMED, _with(2, lambda part: part + "==")),
    Attack("+ and / in the signature", Reason.MALFORMED, _signature_with_both),
    Attack("whitespace in the payload", Reason.MALFORMED, _with(1, lambda part: part[:4] + " " + part[4:])),
    Attack("a tab in the signature", Reason.MALFORMED, _with(2, lambda part: part[:4] + "\t" + part[4:])),
    Attack("an impossible length of base64", Reason.MALFORMED, _with(2, lambda part: part + "AAA")),
    Attack("a signature with unused bits set", Reason.MALFORMED, _with(2, _last_bits_set)),
    Attack("a non-ASCII letter", Reason.MALFORMED, _with(1, lambda part: part[:4] + "é" + part[4:])),
    Attack(
        "a fullwidth letter in Bearer",
        Reason.MALFORMED,
        lambda pool: f"Ｂearer {pool.token()}".encode().decode("latin-1"),
    ),
    Attack("a long s in Bearer", Reason.MALFORMED, lambda pool: f"Bearſr {pool.token()}".encode().decode("latin-1")),
    Attack("a header that is not JSON", Reason.MALFORMED, lambda pool: pool.sign(pool.claims(), "alg: RS256")),
    Attack("a header that is a list", Reason.MALFORMED, lambda pool: pool.sign(pool.claims(), '["RS256"]')),
    Attack("a header that is not UTF-8", Reason.MALFORMED, lambda pool: pool.sign(pool.claims(), b'{"alg": "\xff"}')),
    Attack(
        "a duplicate header parameter",
        Reason.MALFORMED,
        lambda pool: pool.sign(pool.claims(), f'{{"alg": "none", "alg": "RS256", "kid": "{pool.key.kid}"}}'),
    ),
    Attack("a payload that is not JSON", Reason.MALFORMED, lambda pool: pool.sign("sub=admin")),
    Attack("a payload that is a list", Reason.MALFORMED, lambda pool: pool.sign([pool.claims()])),
    Attack("a payload that is a string", Reason.MALFORMED, lambda pool: pool.sign('"admin"')),
    Attack("a payload that is null", Reason.MALFORMED, lambda pool: pool.sign("null")),
    Attack("a payload that is not UTF-8", Reason.MALFORMED, lambda pool: pool.sign(b'{"sub": "\xff"}')),
    Attack("a payload in UTF-16", Reason.MALFORMED, lambda pool: pool.sign(json.dumps(pool.claims()).encode("utf-16"))),
    Attack(
        "a payload with a byte order mark",
        Reason.MALFORMED,
        lambda pool: pool.sign(json.dumps(pool.claims()).encode("utf-8-sig")),
    ),
    Attack("a payload with trailing data", Reason.MALFORMED, lambda pool: pool.sign(json.dumps(pool.claims()) + "{}")),
    Attack("a payload with 5,000 levels of nesting", Reason.MALFORMED, lambda pool: pool.sign("[" * 5000)),
    Attack(
        "a duplicate claim",
        Reason.MALFORMED,
        lambda pool: pool.sign(json.dumps(pool.claims()).replace('{"sub"', '{"sub": "another", "sub"', 1)),
    ),
    Attack(
        "a duplicate claim written with an escape",
        Reason.MALFORMED,
        lambda pool: pool.sign(json.dumps(pool.claims()).replace('{"sub"', '{"s\\u0075b": "another", "sub"', 1)),
    ),
    Attack(
        "a duplicate key in a nested object", Reason.MALFORMED, lambda pool: _raw_payload(pool, x='{"a": 1, "a": 2}')
    ),
    Attack("more than 8 KB", Reason.TOO_LONG, lambda pool: pool.token(padding="x" * 8192)),
    Attack("60,000 characters", Reason.TOO_LONG, lambda pool: "x" * 60_000),
]

HEADER = [
    *(
        Attack(f"alg {alg!r} without a signature", Reason.BAD_ALGORITHM, _algorithm(alg, _none))
        for alg in ("none", "None", "NONE", "nOnE", "none ", "", None, 0, False, [], ["none"], {"alg": "none"})
    ),
    Attack("no alg", Reason.BAD_ALGORITHM, lambda pool: pool.token(header={"alg": ...})),
    Attack("alg RS256 in a list", Reason.BAD_ALGORITHM, lambda pool: pool.token(header={"alg": ["RS256"]})),
    Attack("alg rs256 in lower case", Reason.BAD_ALGORITHM, lambda pool: pool.token(header={"alg": "rs256"})),
    Attack("alg RS256 with a trailing space", Reason.BAD_ALGORITHM, lambda pool: pool.token(header={"alg": "RS256 "})),
    Attack(
        "HS256 with the public key as PEM", Reason.BAD_ALGORITHM, _algorithm("HS256", _hmac_with(_public(PEM, SPKI)))
    ),
    Attack(
        "HS256 with the public key as PKCS #1 PEM",
        Reason.BAD_ALGORITHM,
        _algorithm("HS256", _hmac_with(_public(PEM, PKCS1))),
    ),
    Attack(
        "HS256 with the public key as DER", Reason.BAD_ALGORITHM, _algorithm("HS256", _hmac_with(_public(DER, SPKI)))
    ),
    Attack(
        "HS256 with the JWK",
        Reason.BAD_ALGORITHM,
        _algorithm("HS256", _hmac_with(lambda pool: json.dumps(pool.key.jwk).encode())),
    ),
    Attack(
        "HS256 with the modulus",
        Reason.BAD_ALGORITHM,
        _algorithm("HS256", _hmac_with(lambda pool: base64.urlsafe_b64decode(pool.key.jwk["n"] + "=="))),
    ),
    Attack("HS256 with an empty secret", Reason.BAD_ALGORITHM, _algorithm("HS256", _hmac_with(lambda pool: b""))),
    Attack("RS384", Reason.BAD_ALGORITHM, _algorithm("RS384", _rsa(hashes.SHA384()))),
    Attack("RS512", Reason.BAD_ALGORITHM, _algorithm("RS512", _rsa(hashes.SHA512()))),
    Attack("PS256", Reason.BAD_ALGORITHM, _algorithm("PS256", _pss)),
    Attack("ES256", Reason.BAD_ALGORITHM, _algorithm("ES256", _ecdsa)),
    Attack("EdDSA", Reason.BAD_ALGORITHM, _algorithm("EdDSA", _none)),
    Attack("RSA1_5", Reason.BAD_ALGORITHM, _algorithm("RSA1_5", _rsa(hashes.SHA256()))),
    Attack("crit", Reason.BAD_HEADER, lambda pool: pool.token(header={"crit": ["exp"]})),
    Attack("an empty crit", Reason.BAD_HEADER, lambda pool: pool.token(header={"crit": []})),
    Attack("crit b64", Reason.BAD_HEADER, lambda pool: pool.token(header={"crit": ["b64"], "b64": False})),
    Attack("no kid", Reason.BAD_HEADER, lambda pool: pool.token(header={"kid": ...})),
    Attack("a kid that is null", Reason.BAD_HEADER, lambda pool: pool.token(header={"kid": None})),
    Attack("a kid that is a number", Reason.BAD_HEADER, lambda pool: pool.token(header={"kid": 0})),
    Attack("a kid that is a list", Reason.BAD_HEADER, lambda pool: pool.token(header={"kid": [pool.key.kid]})),
    Attack("a kid that is an object", Reason.BAD_HEADER, lambda pool: pool.token(header={"kid": {}})),
    *(
        Attack(f"a kid that is {name}", Reason.UNKNOWN_KEY, _header(kid=kid))
        for name, kid in {
            "empty": "",
            "a path": "../../../../dev/null",
            "a URL": "https://attacker.example/jwks.json",
            "SQL": "' UNION SELECT 'key' --",
            "a shell command": "key.pem; curl attacker.example",
            "5 KB long": "k" * 5000,
            "a newline": "key\n",
        }.items()
    ),
    Attack("a kid of 10 KB", Reason.TOO_LONG, lambda pool: pool.token(header={"kid": "k" * 10240})),
]

SIGNATURE = [
    Attack(
        "a foreign key under the pool's kid",
        Reason.BAD_SIGNATURE,
        lambda pool: pool.token(key=OTHER_KEY, header={"kid": pool.key.kid}),
    ),
    Attack(
        "a foreign key embedded as jwk",
        Reason.BAD_SIGNATURE,
        lambda pool: pool.token(key=OTHER_KEY, header={"kid": pool.key.kid, "jwk": OTHER_KEY.jwk}),
    ),
    Attack(
        "a foreign key embedded as jwk under its own kid",
        Reason.UNKNOWN_KEY,
        lambda pool: pool.token(key=OTHER_KEY, header={"jwk": OTHER_KEY.jwk}),
    ),
    Attack(
        "a foreign key at a jku",
        Reason.UNKNOWN_KEY,
        lambda pool: pool.token(key=OTHER_KEY, header={"jku": "https://attacker.example/jwks.json"}),
    ),
    Attack(
        "a foreign key at an x5u",
        Reason.BAD_SIGNATURE,
        lambda pool: pool.token(
            key=OTHER_KEY, header={"kid": pool.key.kid, "x5u": "https://attacker.example/cert.pem"}
        ),
    ),
    Attack(
        "a foreign key in an x5c",
        Reason.BAD_SIGNATURE,
        lambda pool: pool.token(key=OTHER_KEY, header={"kid": pool.key.kid, "x5c": [OTHER_KEY.jwk["n"]]}),
    ),
    Attack(
        "a changed payload",
        Reason.BAD_SIGNATURE,
        lambda pool: _join(_parts(pool)[0], b64(pool.claims(**{"cognito:groups": ["apiAdmins"]})), _parts(pool)[2]),
    ),
    Attack(
        "a changed header",
        Reason.BAD_SIGNATURE,
        lambda pool: _join(b64({"kid": pool.key.kid, "alg": "RS256", "typ": "JWT"}), *_parts(pool)[1:]),
    ),
    Attack(
        "another token's signature",
        Reason.BAD_SIGNATURE,
        lambda pool: _join(*_parts(pool)[:2], pool.token(jti="other").split(".")[2]),
    ),
    Attack("a signature of zeros", Reason.BAD_SIGNATURE, _with(2, lambda _: b64(bytes(256)))),
    Attack("a signature that is too short", Reason.BAD_SIGNATURE, _with(2, lambda _: b64(b"short"))),
    Attack("a signature that is too long", Reason.BAD_SIGNATURE, _with(2, lambda _: b64(bytes(512)))),
    Attack("an RS512 signature with alg RS256", Reason.BAD_SIGNATURE, _algorithm("RS256", _rsa(hashes.SHA512()))),
    Attack("a PSS signature with alg RS256", Reason.BAD_SIGNATURE, _algorithm("RS256", _pss)),
    Attack(
        "a wrong signature on an expired payload",
        Reason.BAD_SIGNATURE,
        lambda pool: _join(_parts(pool)[0], b64(pool.claims(exp=1)), _parts(pool)[2]),
    ),
]

BAD_TIMES = {
    "null": None,
    "a string": str(NOW + 3600),
    "true": True,
    "a list": [NOW + 3600],
    "a fraction": NOW + 3600.5,
    "a whole number written as a fraction": float(NOW + 3600),
    "negative": -1,
    "after the year 9999": 253402300800,
    "huge": 10**30,
}

TIMES = [
    *(
        _claims_attack(Reason.BAD_CLAIMS, f"{claim} {name}", use, **{claim: value})
        for claim, use in (("exp", "id"), ("exp", "access"), ("iat", "id"), ("auth_time", "id"), ("nbf", "access"))
        for name, value in BAD_TIMES.items()
    ),
    *(
        Attack(f"{claim} {text[:9]}", Reason.MALFORMED, _raw_claim(claim, text))
        for claim in ("exp", "iat")
        for text in ("NaN", "Infinity", "-Infinity", "9" * 5000)
    ),
    Attack("exp 1e400", Reason.BAD_CLAIMS, lambda pool: _raw_payload(pool, exp="1e400")),
    Attack("exp 1e10, which is parsed as a float", Reason.BAD_CLAIMS, lambda pool: _raw_payload(pool, exp="1e10")),
    *(
        _claims_attack(Reason.BAD_CLAIMS, f"no {claim}", use, **{claim: ...})
        for claim in ("exp", "iat", "auth_time")
        for use in ("id", "access")
    ),
    _claims_attack(Reason.EXPIRED, "exp just past the leeway", exp=NOW - 32),
    _claims_attack(Reason.EXPIRED, "exp a day ago", exp=NOW - DAY),
    _claims_attack(Reason.EXPIRED, "exp a day ago", "access", exp=NOW - DAY),
    _claims_attack(Reason.EXPIRED, "exp 0", exp=0),
    _claims_attack(Reason.NOT_YET_VALID, "iat in a day", iat=NOW + DAY, exp=NOW + 2 * DAY),
    _claims_attack(Reason.NOT_YET_VALID, "auth_time in a day", auth_time=NOW + DAY),
    _claims_attack(Reason.NOT_YET_VALID, "nbf in a day", nbf=NOW + DAY),
]

OTHER_REGION = "https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_OursOurs1"

ORIGIN = [
    Attack("another pool's token", Reason.UNKNOWN_KEY, lambda pool: _another_pool().token()),
    *(
        Attack(f"iss {name}", Reason.WRONG_ISSUER, _issuer(change))
        for name, change in {
            "of another pool": lambda issuer: issuer[:-1] + "2",
            "of another region": lambda _: OTHER_REGION,
            "with a trailing slash": lambda issuer: issuer + "/",
            "with http": lambda issuer: issuer.replace("https", "http"),
            "in upper case": str.upper,
            "that only starts with the pool's": lambda issuer: issuer + ".attacker.example",
            "empty": lambda _: "",
            "null": lambda _: None,
            "in a list": lambda issuer: [issuer],
            "missing": lambda _: ...,
        }.items()
    ),
    *(
        _claims_attack(Reason.WRONG_USE, f"token_use {value!r}", token_use=value)
        for value in ("refresh", "ID", "id ", "", None, 1, True, ["id"], {"id": 1}, ...)
    ),
    Attack("a refresh token", Reason.WRONG_USE, lambda pool: pool.token("access", token_use="refresh")),
    Attack(
        "an encrypted refresh token, as Cognito issues them",
        Reason.MALFORMED,
        lambda pool: _join(b64({"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"}), "a", "b", "c", "d"),
    ),
    *(
        _claims_attack(Reason.WRONG_CLIENT, f"aud {value!r}", aud=value)
        for value in (
            "anotherclient",
            "",
            None,
            1,
            ["ourclient"],
            ["ourclient", "anotherclient"],
            [],
            {"ourclient": 1},
            ...,
        )
    ),
    *(
        _claims_attack(Reason.WRONG_CLIENT, f"client_id {value!r}", "access", client_id=value)
        for value in ("anotherclient", "", None, 1, ["ourclient"], [], {"ourclient": 1}, ...)
    ),
    Attack(
        "an ID token with client_id instead of aud",
        Reason.WRONG_CLIENT,
        lambda pool: pool.token(aud=..., client_id=pool.client_id),
    ),
    Attack(
        "an access token with aud instead of client_id",
        Reason.WRONG_CLIENT,
        lambda pool: pool.token("access", client_id=..., aud=pool.client_id),
    ),
    Attack(
        "an access token posing as an ID token", Reason.WRONG_CLIENT, lambda pool: pool.token("access", token_use="id")
    ),
    Attack("an ID token posing as an access token", Reason.WRONG_CLIENT, lambda pool: pool.token(token_use="access")),
]

SUBJECT = [
    *(
        _claims_attack(Reason.BAD_CLAIMS, f"sub {value!r}"[:40], use, sub=value)
        for use in ("id", "access")
        for value in (
            "*", "a*", "?", "a?", "a/b", "../x", "a%2Fb", "%2A", "a\n", "\na", "a b", "a.b", "a_b", "a:b", "${sub}",
            "é", "１", "", "a" * 129, None, 1, True, ["a"], {"a": 1}, ...,
        )
    ),
    *(
        _claims_attack(Reason.BAD_CLAIMS, f"groups {value!r}", **{"cognito:groups": value})
        for value in ("apiAdmins", {"apiAdmins": 1}, None, 1, True, ["apiAdmins", 1], [["apiAdmins"]], [None])
    ),
]  # fmt: skip

CLAUSES = {
    "form": FORM,
    "header": HEADER,
    "signature": SIGNATURE,
    "times": TIMES,
    "origin": ORIGIN,
    "subject": SUBJECT,
}
ATTACKS = [attack for attacks in CLAUSES.values() for attack in attacks]

COGNITO_ONLY = [  # the Cognito authorizer accepts only ID tokens
    Attack("an access token", Reason.WRONG_USE, lambda pool: pool.token("access")),
]

ODDITIES = [
    Oddity("a bare ID token", lambda pool: pool.token()),
    Oddity("an ID token after Bearer", lambda pool: f"Bearer {pool.token()}"),
    Oddity("bearer in lower case", lambda pool: f"bearer {pool.token()}"),
    Oddity("BEARER in upper case", lambda pool: f"BEARER {pool.token()}"),
    Oddity("two spaces after Bearer", lambda pool: f"Bearer  {pool.token()}"),
    Oddity("a typ", lambda pool: pool.token(header={"typ": "JWT"})),
    Oddity(
        "header parameters that are ignored",
        lambda pool: pool.token(
            header={
                "jku": "https://attacker.example/",
                "jwk": OTHER_KEY.jwk,
                "x5u": "https://attacker.example/",
                "x5c": [],
            }
        ),
    ),
    Oddity("exp within the leeway", lambda pool: pool.token(exp=int(time.time()) - 20)),
    Oddity("iat within the leeway", lambda pool: pool.token(iat=int(time.time()) + 20)),
    Oddity("nbf within the leeway", lambda pool: pool.token(nbf=int(time.time()) + 20)),
    Oddity("nbf long ago", lambda pool: pool.token(nbf=0)),
    Oddity("exp in the year 9999", lambda pool: pool.token(exp=253402300799)),
    Oddity("auth_time long ago", lambda pool: pool.token(auth_time=1)),
    Oddity("no groups", lambda pool: pool.token(**{"cognito:groups": []})),
    Oddity("unusual names of groups", lambda pool: pool.token(**{"cognito:groups": ["a,b", "ä", "😀", ""]})),
    Oddity("a sub of one character", lambda pool: pool.token(sub="a")),
    Oddity("a sub of 128 characters", lambda pool: pool.token(sub="a" * 128)),
    Oddity(
        "additional claims of every type",
        lambda pool: pool.token(
            address={"formatted": "x"}, **{"custom:n": None, "identities": [{}], "email_verified": True, "f": 1.5}
        ),
    ),
    Oddity(
        "JSON with spaces and escapes",
        lambda pool: pool.sign(json.dumps(pool.claims(), indent=2).replace('"sub"', '"\\u0073ub"')),
    ),
    Oddity("just under 8 KB", lambda pool: pool.token(padding="x" * 5000)),
]


def _another_pool() -> Pool:
    return Pool("us-east-1_OthersOne")
