"""What HTTP asks of a server and ``chalice local``'s own leaves out: bodies that come whole, HEAD, a crowd.

Imported only while a Chalice command runs: on AWS, API Gateway is the server.
"""

import logging
import re
import sys
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import chalice.local
from chalice.local import LocalGatewayException, RouteMatcher

from chalicelib.web import gateway_responses, logs
from chalicelib.web.gateway_responses import GatewayResponse
from chalicelib.web.problems import INVALID_REQUEST

log = logging.getLogger("roster.local")

LENGTH = re.compile(r"\d{1,12}", re.ASCII)
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
LOOPBACK_HOST = re.compile(r"127\.\d+\.\d+\.\d+|\[::1\]|(?:[a-z0-9-]+\.)*localhost", re.ASCII | re.IGNORECASE)
MAX_PAYLOAD = 10 * 1024 * 1024
"""Bytes of a request, as for API Gateway ("Quotas for REST APIs" in its developer guide)."""
MAX_DRAINED = 10 * MAX_PAYLOAD
CHUNK = 64 * 1024
ABSOLUTE_FORM = re.compile(r"https?://(?P<authority>[^/?#]+)(?P<rest>.*)", re.ASCII | re.IGNORECASE)


def mend(cors: Mapping[str, str]) -> None:
    """From now on; its refusals carry the headers ``cors``, so that a page of another origin can read them."""
    handler: Any = chalice.local.ChaliceRequestHandler
    handler.__getattr__ = _any_method
    handler.log_request, handler.log_message = _log_access, _log_nothing
    handler._send_http_response = _without_body_where_none_may_be(handler._send_http_response)
    handler._parse_payload = _read_whole
    handler._generic_handle = _refusing(handler._generic_handle)
    handler.setup = _watching_lines(handler.setup)
    handler.send_error, handler.cors = _send_problem, cors
    for method in ("GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS"):
        setattr(handler, f"do_{method}", handler._generic_handle)
    server: Any = chalice.local.ThreadedHTTPServer
    server.handle_error = _log_error
    # With the standard library's 5, a burst of connections is refused before anybody has looked at it.
    server.request_queue_size = 512


class Rejection(LocalGatewayException):
    """A gateway response, as ``chalice.local`` expects it to be raised."""

    def __init__(self, response: GatewayResponse, cors: Mapping[str, str], request_id: str) -> None:
        headers = {**response.headers, **cors, "X-Request-Id": request_id}
        super().__init__(headers, response.body(request_id).encode())
        self.CODE = response.problem.status.value


class _Unreadable(Exception):
    """The server must reject the request: where its body ends is not certain (RFC 9112, section 6.3)."""

    def __init__(self, response: GatewayResponse) -> None:
        super().__init__()
        self.response = response


class _HungUp(Exception):
    """The client has gone in the middle of its request."""


class _Lines:
    """What a client sends, and whether a line of it had a CR inside (RFC 9112, section 2.2)."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.has_bare_cr = False

    def readline(self, *arguments: int) -> bytes:
        line: bytes = self._file.readline(*arguments)
        self.has_bare_cr |= b"\r" in line.removesuffix(b"\n").removesuffix(b"\r")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _watching_lines(setup: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(setup)
    def set_up(handler: Any) -> None:
        setup(handler)
        handler.rfile = _Lines(handler.rfile)

    return set_up


def _read_whole(handler: Any) -> tuple[dict[str, str], bytes | None]:
    """In place of Chalice's ``_parse_payload``: the headers, and a body that is whole."""
    headers = _headers(handler)
    if "transfer-encoding" in headers:
        raise _Unreadable(gateway_responses.BY_STATUS[HTTPStatus.LENGTH_REQUIRED])
    length = headers.get("content-length", "0")
    if not LENGTH.fullmatch(length):
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "Content-Length must be one whole number."))
    if int(length) > MAX_PAYLOAD:
        if int(length) <= MAX_DRAINED:  # a client that is still sending would not read the answer
            for start in range(0, int(length), CHUNK):
                handler.rfile.read(min(CHUNK, int(length) - start))
        raise _Unreadable(gateway_responses.BY_TYPE["REQUEST_TOO_LARGE"])
    body = handler.rfile.read(int(length)) if int(length) else None
    if len(body or b"") < int(length):
        raise _HungUp
    return headers, body


def _headers(handler: Any) -> dict[str, str]:
    """The headers by lower-case name, each with all its lines and without the white space around a value.

    RFC 9110, sections 5.3 and 5.5. Links are built from ``Host``, so it is an address of this machine.
    """
    if handler.headers.defects or handler.rfile.has_bare_cr:
        # Python's parser would take this line for the end of the headers, or for two of them.
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "A header line is malformed."))
    lines: dict[str, list[str]] = {}
    for name, value in handler.headers.items():
        lines.setdefault(name.lower(), []).append(value.strip(" \t"))
    if len(set(lines.get("content-length", []))) == 1:
        del lines["content-length"][1:]
    hosts = lines.get("host", [])
    if len(hosts) > 1 or (not hosts and handler.request_version != "HTTP/1.0"):
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "Send exactly one Host header."))
    lines["host"] = [_own_address(handler, hosts[0] if hosts else "")]
    return {name: ", ".join(values) for name, values in lines.items()}


def _own_address(handler: Any, host: str) -> str:
    """``host`` if it names this machine, else the address that the server listens on: no client may choose another."""
    target = HOST.fullmatch(host)
    if host and target is None:
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "The Host header is not a host name and port."))
    if target and LOOPBACK_HOST.fullmatch(target["name"]):
        return host
    address, port = handler.server.server_address[:2]
    return f"{address}:{port}"


def _refusing(handle: Callable[[Any], None]) -> Callable[[Any], None]:
    """``handle``, and a response to what ``_read_whole`` rejects."""

    @wraps(handle)
    def handle_or_refuse(handler: Any) -> None:
        try:
            _in_origin_form(handler)
            handle(handler)
        except _Unreadable as refusal:
            _reject(handler, refusal.response)
        except _HungUp:
            handler.close_connection = True

    return handle_or_refuse


def _in_origin_form(handler: Any) -> None:
    """A target with scheme and host means the same as one without, and its host wins (RFC 9112, section 3.2.2).

    The server's own ``path`` is not the target as it was sent: ``//users`` becomes ``/users`` in it.
    """
    handler.path = handler.requestline.split()[1]
    target = ABSOLUTE_FORM.fullmatch(handler.path)
    if target:
        handler.path = target["rest"] if target["rest"].startswith("/") else f"/{target['rest']}"
        if "host" in handler.headers:
            handler.headers.replace_header("host", target["authority"])


def _send_problem(handler: Any, code: int, _message: str | None = None, _explain: str | None = None) -> None:
    """The server's ``send_error``, with a problem document in place of a page of HTML."""
    handler.path = ""  # of an earlier request on the connection, if this one's first line could not be read
    _reject(handler, gateway_responses.BY_STATUS.get(HTTPStatus(code), gateway_responses.UNPARSABLE))


def _reject(handler: Any, response: GatewayResponse) -> None:
    """Send ``response`` and close the connection: whatever else was sent on it is not read."""
    handler.close_connection = True
    handler.request_version = handler.protocol_version  # not known if the request's first line can't be parsed
    rejection = Rejection(response, handler.cors, str(uuid.uuid4()))
    handler._send_http_response(rejection.CODE, {**rejection.headers, "Connection": "close"}, rejection.body)


def _any_method(handler: Any, name: str) -> Any:
    """The server underneath can't do QUERY or TRACE, and says 501. To API Gateway, they are methods no route has."""
    if name.startswith("do_"):
        return handler._generic_handle
    raise AttributeError(name)


def _log_access(handler: Any, code: int | str = "-", _size: int | str = "-") -> None:
    """The gateway's line about a request, as in API Gateway's access log: the route, not the path nor the query."""
    try:
        route = RouteMatcher(list(handler.local_gateway._app_object.routes)).match_route(handler.path).route
    except (AttributeError, ValueError):  # no path where the request's first line can't be read
        route = "-"
    log.info("access", extra={"method": logs.method(handler.command), "route": route, "status": int(code)})


def _log_nothing(_handler: Any, _format: str, *_: object) -> None:
    """The server's own lines would quote what the client sent."""


def _log_error(_server: Any, _request: object, _client: object) -> None:
    """One line where the server would print a stack trace; none for a client that has hung up."""
    error = sys.exc_info()[1]
    if not isinstance(error, ConnectionError):
        log.error("connection_failed", extra={"error": type(error).__name__})


def _without_body_where_none_may_be(send: Callable[..., None]) -> Callable[..., None]:
    """Answers to HEAD, 204 and 304 end with their headers: a body would be read as the start of the next answer, and a
    ``Content-Length: 0`` would be the length that a GET has (RFC 9110, section 8.6)."""

    @wraps(send)
    def send_or_not(handler: Any, code: int, headers: dict[str, Any], body: Any) -> None:
        if handler.command == "HEAD" or code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            handler.send_response(code)
            handler._send_headers(headers)
        else:
            send(handler, code, headers, body)

    return send_or_not
