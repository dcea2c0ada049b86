"""The user pool's signing keys: fetching, checking, caching and refreshing."""

import json
import logging
import threading
import time
from typing import Any

import pytest

from chalicelib.security import signing_keys
from chalicelib.security.signing_keys import KeysUnavailable, SigningKeys, read_keys
from testbed.pool import Key, KeyServer, b64

HOUR, DAY = 3600, 24 * 3600


class Clock:
    """A clock that tests set."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def key():
    return Key()


@pytest.fixture(scope="module")
def new_key():
    return Key()


@pytest.fixture
def server(key):
    server = KeyServer(key.jwk)
    yield server
    server.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(server, clock):
    return SigningKeys(server.url, clock=clock)


def break_server(server):
    """Make the server return 500 from now on."""
    server.answer = lambda handler: handler.send_error(500)


class TestCaching:
    def test_nothing_is_fetched_before_a_key_is_looked_up(self, keys, server):
        assert server.requests == 0

    def test_keys_are_fetched_once_and_cached(self, keys, server, key):
        for _ in range(5):
            assert keys.find(key.kid).kid == key.kid
        assert server.requests == 1

    def test_a_key_verifies_only_its_own_signatures(self, keys, key, new_key):
        found = keys.find(key.kid)
        assert found.signed(b"message", key.sign(b"message"))
        assert not found.signed(b"another", key.sign(b"message"))
        assert not found.signed(b"message", new_key.sign(b"message"))
        assert not found.signed(b"message", b"")

    def test_looking_up_a_new_key_refreshes_the_cache(self, keys, server, clock, key, new_key):
        assert keys.find(key.kid)
        clock.now += 61
        server.serve(key.jwk, new_key.jwk)
        assert keys.find(new_key.kid).kid == new_key.kid
        assert server.requests == 2

    def test_500_unknown_kids_from_20_threads_cause_only_one_fetch(self, keys, server, clock, key):
        assert keys.find(key.kid)
        clock.now += 61
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda n=n: found.extend(keys.find(f"unknown-{n}-{i}") for i in range(25)))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [None] * 500
        assert server.requests == 2
        assert keys.find(key.kid)

    def test_20_threads_share_one_fetch_at_the_start(self, keys, server, key):
        found = []
        threads = [threading.Thread(target=lambda: found.append(keys.find(key.kid))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.kid for one in found] == [key.kid] * 20
        assert server.requests == 1

    def test_keys_older_than_an_hour_are_refreshed_before_use(self, keys, server, clock, key, new_key):
        keys.find(key.kid)
        server.serve(new_key.jwk)
        clock.now += HOUR
        assert keys.find(key.kid)  # not older than an hour
        clock.now += 1
        assert keys.find(key.kid) is None  # the pool has withdrawn it
        assert keys.find(new_key.kid)
        assert server.requests == 2

    def test_a_refresh_replaces_all_keys(self, keys, server, clock, key, new_key):
        keys.find(key.kid)
        clock.now += HOUR + 1
        server.serve(new_key.jwk)
        keys.find(new_key.kid)
        assert keys.find(key.kid) is None


class TestFailures:
    def test_if_refreshing_fails_known_keys_are_used_for_24_hours_and_no_longer(self, keys, server, clock, key):
        keys.find(key.kid)
        break_server(server)
        for _ in range(24):
            clock.now += HOUR
            assert keys.find(key.kid)
        clock.now += 1
        with pytest.raises(KeysUnavailable):
            keys.find(key.kid)

    def test_a_failing_refresh_is_retried_once_a_minute(self, keys, server, clock, key):
        keys.find(key.kid)
        break_server(server)
        clock.now += HOUR + 1
        for _ in range(120):
            keys.find(key.kid)
            clock.now += 1
        assert server.requests == 1 + 2

    def test_an_unknown_kid_raises_keys_unavailable_while_refreshing_fails(self, keys, server, clock, key):
        keys.find(key.kid)
        break_server(server)
        clock.now += 61
        with pytest.raises(KeysUnavailable):
            keys.find("unknown")
        assert keys.find(key.kid)

    def test_without_any_key_every_lookup_retries_the_fetch(self, keys, server, key):
        working = server.answer
        break_server(server)
        for _ in range(3):
            with pytest.raises(KeysUnavailable):
                keys.find(key.kid)
        server.answer = working
        assert keys.find(key.kid)

    def test_the_health_probe_passes_with_keys(self, keys, server):
        keys.ping()
        assert server.requests == 1

    def test_the_health_probe_fails_without_keys(self, keys, server):
        break_server(server)
        with pytest.raises(KeysUnavailable):
            keys.ping()

    def test_a_failure_is_logged_without_the_response_body(self, keys, server, caplog):
        server.answer = b"secret, and not JSON"
        with pytest.raises(KeysUnavailable):
            keys.find("x")
        (record,) = caplog.records
        assert (record.message, record.reason, record.keys_in_use) == ("jwks_not_refreshed", "JSONDecodeError", 0)
        assert "secret" not in str(vars(record))

    def test_an_unreachable_server_raises_keys_unavailable(self, server, key):
        server.close()
        with pytest.raises(KeysUnavailable):
            SigningKeys(server.url).find(key.kid)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON",
            b"[]",
            b"null",
            b"{}",
            b'{"keys": {}}',
            b'{"keys": []}',
            b'{"keys": [1, null, "x"]}',
            b"[" * 50_000,
            b"\xff",
        ],
        ids=lambda body: repr(body[:20]),
    )
    def test_a_response_that_is_not_a_key_set_raises_keys_unavailable(self, keys, server, body):
        server.answer = body
        with pytest.raises(KeysUnavailable):
            keys.find("x")

    def test_a_response_of_more_than_64_kb_raises_keys_unavailable(self, keys, server, key):
        server.answer = json.dumps({"keys": [key.jwk], "padding": "x" * 64 * 1024}).encode()
        with pytest.raises(KeysUnavailable):
            keys.find(key.kid)

    @pytest.mark.parametrize("status", [301, 302, 307])
    def test_a_redirect_is_not_followed(self, keys, server, key, status):
        elsewhere = KeyServer(key.jwk)

        def redirect(handler):
            handler.send_response(status)
            handler.send_header("Location", elsewhere.url)
            handler.end_headers()

        server.answer = redirect
        with pytest.raises(KeysUnavailable):
            keys.find(key.kid)
        assert elsewhere.requests == 0
        elsewhere.close()

    @pytest.mark.parametrize("fault", ["no response", "slow headers", "a slow body", "a truncated body"])
    def test_a_slow_or_incomplete_response_raises_keys_unavailable_in_time(self, monkeypatch, keys, server, key, fault):
        monkeypatch.setattr(signing_keys, "FETCH_SECONDS", 0.3)
        body = server.answer

        def drip(handler, data):
            for byte in data:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.05)

        def misbehave(handler):
            if fault == "no response":
                time.sleep(3)
            elif fault == "slow headers":
                drip(handler, b"HTTP/1.1 200 OK\r\n" + b"X-Drip: drip\r\n" * 100)
            else:
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                drip(handler, body if fault == "a slow body" else b"{")

        server.answer = misbehave
        before = time.monotonic()
        with pytest.raises(KeysUnavailable):
            keys.find(key.kid)
        assert time.monotonic() - before < 2


def _changed(key, **changes):
    return {name: value for name, value in {**key.jwk, **changes}.items() if value is not ...}


BAD_KEYS: dict[str, dict[str, Any]] = {
    "wrong type": {"kty": "EC"},
    "no type": {"kty": ...},
    "a key for encryption": {"use": "enc"},
    "no use": {"use": ...},
    "wrong algorithm": {"alg": "RS512"},
    "no algorithm": {"alg": ...},
    "no kid": {"kid": ...},
    "an empty kid": {"kid": ""},
    "a kid that is a number": {"kid": 1},
    "no modulus": {"n": ...},
    "a modulus that is a number": {"n": 12345},
    "a modulus that is not base64": {"n": "*"},
    "a modulus of 1024 bits": {"n": b64((2**1023 + 1).to_bytes(128))},
    "a modulus of 2047 bits": {"n": b64((2**2046 + 1).to_bytes(256))},
    "an even modulus": {"n": b64((2**2047 + 2).to_bytes(256))},
    "a modulus of 9001 bits": {"n": b64((2**9000 + 1).to_bytes(1126))},
    "no exponent": {"e": ...},
    "exponent 1": {"e": "AQ"},
    "an even exponent": {"e": "AQAA"},
    "a huge exponent": {"e": b64((2**40 + 1).to_bytes(6))},
}


class TestChecks:
    @pytest.mark.parametrize("fault", BAD_KEYS)
    def test_an_invalid_key_is_skipped_and_logged_and_the_others_are_used(self, caplog, key, new_key, fault):
        jwks = {"keys": [_changed(new_key, **BAD_KEYS[fault]), key.jwk]}
        with caplog.at_level(logging.WARNING):
            assert read_keys(json.dumps(jwks).encode()).keys() == {key.kid}
        (record,) = caplog.records
        assert record.message == "signing_key_skipped"
        assert record.reason

    def test_two_keys_with_the_same_kid_are_both_skipped(self, key, new_key):
        twin = _changed(new_key, kid="twin")
        jwks = {"keys": [_changed(key, kid="twin"), twin, new_key.jwk]}
        assert read_keys(json.dumps(jwks).encode()).keys() == {new_key.kid}

    def test_a_key_set_without_usable_keys_raises_an_error(self, key):
        with pytest.raises(ValueError, match="no usable key"):
            read_keys(json.dumps({"keys": [_changed(key, use="enc")]}).encode())

    def test_a_private_key_published_by_mistake_is_used_as_a_public_key(self, key):
        jwks = {"keys": [_changed(key, d="AQAB")]}
        assert read_keys(json.dumps(jwks).encode())[key.kid].signed(b"m", key.sign(b"m"))
