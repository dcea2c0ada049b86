"""A proxy on loopback that injects faults between Roster and DynamoDB, Cognito or the key server.

A fault is a function of one exchange: it decides what happens to the next request on a connection.
"""

import json
import select
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

HOST = "127.0.0.1"


class _Over(Exception):
    """The connection is no longer usable."""


class Exchange:
    """One request and its response. ``operation`` is AWS's operation in lower case, once the headers are read."""

    def __init__(self, client, upstream):
        self._client = client
        self._upstream = upstream
        self._request = b""
        self._length = 0
        self.operation = ""

    def read_head(self):
        """Wait for the request's headers. Part of the body may arrive with them."""
        while b"\r\n\r\n" not in self._request:
            self._receive()
        head = self._request.partition(b"\r\n\r\n")[0]
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self._length = len(head) + 4 + int(headers.get(b"content-length", 0))
        self.operation = headers.get(b"x-amz-target", b"").partition(b".")[2].decode()

    def read(self):
        """Wait for the whole request."""
        self.read_head()
        while len(self._request) < self._length:
            self._receive()

    def forward(self):
        """Send the request to the server and return its response. The server has then performed the request."""
        self.read()
        with socket.create_connection(self._upstream) as server:
            server.sendall(self._request)
            answer = HTTPResponse(server)
            answer.begin()
            body = answer.read()
        dropped = {"transfer-encoding", "content-length", "connection"}
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in dropped]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def send(self, answer):
        """Send bytes to the client."""
        self._client.sendall(answer)

    def close(self):
        """Close the connection normally."""
        raise _Over

    def reset(self):
        """Close the connection by RST, as a crash does."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Over

    def hang(self):
        """Send nothing until the client gives up."""
        while self._client.recv(65536):
            pass
        raise _Over

    def _receive(self):
        received = self._client.recv(65536)
        if not received:
            raise _Over
        self._request += received


# The faults


def passes(exchange):
    exchange.send(exchange.forward())


def late(seconds):
    def fault(exchange):
        time.sleep(seconds)
        passes(exchange)

    return fault


def stalls(exchange):
    exchange.read()
    exchange.hang()


def stalls_in_its_answer(exchange):
    answer = exchange.forward()
    exchange.send(answer[: len(answer) - 1])
    exchange.hang()


def resets_before_the_request(exchange):
    exchange.reset()


def resets_during_the_request(exchange):
    exchange.read_head()
    exchange.reset()


def resets_after_the_request(exchange):
    exchange.read()
    exchange.reset()


def loses_the_answer(exchange):
    exchange.forward()
    exchange.reset()


def cuts_the_answer(exchange):
    answer = exchange.forward()
    exchange.send(answer[: len(answer) - 1])
    exchange.close()


def no_http(exchange):
    exchange.forward()
    exchange.send(b"\x00\x16\x03\x01 what is this?\r\n\r\n")
    exchange.close()


def a_web_page(exchange):
    exchange.forward()
    exchange.send(_http("200 OK", b"<html>Sign in to the hotel's network</html>", "text/html"))


def another_body(exchange):
    """Like ``a_web_page``, but with JSON and the checksum of the original body."""
    head, _, _ = exchange.forward().partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    exchange.send(b"\r\n".join([*kept, b"Content-Length: 7", b"", b'{"n":1}']))


def answers(status, code):
    """Respond with an error of DynamoDB or Cognito instead of forwarding the request."""

    def fault(exchange):
        exchange.read()
        text = f"{code} for jane@example.com in table secret"
        body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": text}
        exchange.send(_http(status, json.dumps(body).encode(), "application/x-amz-json-1.0"))

    return fault


def returns(document):
    """Respond with this JSON document and status 200 instead of forwarding the request."""

    def fault(exchange):
        exchange.read()
        exchange.send(_http("200 OK", json.dumps(document).encode(), "application/x-amz-json-1.1"))

    return fault


def only(operations, fault):
    """Apply ``fault`` to these operations (in lower case). Others pass."""

    def chosen(exchange):
        exchange.read()
        (fault if exchange.operation in operations else passes)(exchange)

    return chosen


def first(count, fault):
    """Apply ``fault`` to the first ``count`` exchanges. Later ones pass."""
    left = iter(range(count))
    lock = threading.Lock()

    def counted(exchange):
        with lock:
            broken = next(left, None) is not None
        (fault if broken else passes)(exchange)

    return counted


def _http(status, body, media_type):
    return f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Proxy:
    """Listens on ``port`` and forwards requests to ``upstream``, a port of this machine."""

    def __init__(self, upstream):
        self._upstream = (HOST, upstream)
        self._fault = passes
        self._connections = set()
        self.port = 0
        self._listen()

    @contextmanager
    def breaking(self, fault):
        """Apply ``fault`` to every exchange until the context ends."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = passes

    @contextmanager
    def refusing(self):
        """Close all connections, and refuse new ones until the context ends."""
        self.close()
        try:
            yield
        finally:
            self._listen()

    def close(self):
        """Stop listening, and close all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self):
        self._listener = socket.create_server((HOST, self.port), backlog=512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener):
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        self._connections.add(client)
        with suppress(OSError, _Over), client:
            while True:
                select.select([client], [], [])  # wait for a request or the end of the connection
                if not client.recv(1, socket.MSG_PEEK):
                    break
                self._fault(Exchange(client, self._upstream))
        self._connections.discard(client)
