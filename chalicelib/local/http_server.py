"""HTTP that ``chalice local``'s server lacks: complete bodies, strict headers, HEAD, and many connections at once.

Imported only when a Chalice command runs. On AWS, API Gateway is the server.
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
"""Maximum bytes of a request, as on API Gateway ("Quotas for REST APIs" in its developer guide)."""
MAX_DRAINED = 10 * MAX_PAYLOAD
"""Maximum bytes of a rejected body that is still read, so that the client gets the response."""
CHUNK = 64 * 1024
ABSOLUTE_FORM = re.compile(r"https?://(?P<authority>[^/?#]+)(?P<rest>.*)", re.ASCII | re.IGNORECASE)


def mend(cors: Mapping[str, str]) -> None:
    """Patch Chalice's server. Its own responses get the headers ``cors``, so pages of other origins can read them."""
    handler: Any = chalice.local.ChaliceRequestHandler
    handler.__getattr__ = _any_method
    handler.log_request, handler.log_message = _log_access, _log_nothing
    handler._send_http_response = _without_forbidden_body(handler._send_http_response)
    handler._parse_payload = _read_request
    handler._generic_handle = _rejecting(handler._generic_handle)
    handler.setup = _watching_lines(handler.setup)
    handler.send_error, handler.cors = _send_problem, cors
    for method in ("GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS"):
        setattr(handler, f"do_{method}", handler._generic_handle)
    # Else the kernel holds the body back until the client has acknowledged the headers, which takes it 40 ms.
    handler.disable_nagle_algorithm = True
    server: Any = chalice.local.ThreadedHTTPServer
    server.handle_error = _log_error
    # The standard library's default of 5 makes the kernel refuse connections in a burst.
    server.request_queue_size = 512


class Rejection(LocalGatewayException):
    """A gateway response, as ``chalice.local`` expects it to be raised."""

    def __init__(self, response: GatewayResponse, cors: Mapping[str, str], request_id: str) -> None:
        headers = {**response.headers, **cors, "X-Request-Id": request_id}
        super().__init__(headers, response.body(request_id).encode())
        self.CODE = response.problem.status.value


class _Unreadable(Exception):
    """The server rejects the request before any handler runs: its headers are invalid, or its body can't be read."""

    def __init__(self, response: GatewayResponse) -> None:
        super().__init__()
        self.response = response


class _HungUp(Exception):
    """The client closed the connection before its request was complete."""


class _Lines:
    """The client's input. Remembers whether a line contained a bare CR (RFC 9112, section 2.2)."""

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


def _read_request(handler: Any) -> tuple[dict[str, str], bytes | None]:
    """Return the headers and the complete body. Replaces Chalice's ``_parse_payload``."""
    headers = _headers(handler)
    if "transfer-encoding" in headers:
        raise _Unreadable(gateway_responses.BY_STATUS[HTTPStatus.LENGTH_REQUIRED])
    length = headers.get("content-length", "0")
    if not LENGTH.fullmatch(length):
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "Content-Length must be one whole number."))
    if int(length) > MAX_PAYLOAD:
        if int(length) <= MAX_DRAINED:  # a client that is still sending does not read the response
            for start in range(0, int(length), CHUNK):
                handler.rfile.read(min(CHUNK, int(length) - start))
        raise _Unreadable(gateway_responses.BY_TYPE["REQUEST_TOO_LARGE"])
    body = handler.rfile.read(int(length)) if int(length) else None
    if len(body or b"") < int(length):
        raise _HungUp
    return headers, body


def _headers(handler: Any) -> dict[str, str]:
    """Return the headers by lower-case name, with repeated lines joined and values stripped.

    RFC 9110, sections 5.3 and 5.5. ``Host`` always names this machine, because links are built from it.
    """
    if handler.headers.defects or handler.rfile.has_bare_cr:
        # Python's parser would read this line as the end of the headers, or as two lines.
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
    """Return ``host`` if it names this machine, or else the server's own address: links must not lead elsewhere."""
    target = HOST.fullmatch(host)
    if host and target is None:
        raise _Unreadable(GatewayResponse(INVALID_REQUEST, "The Host header must be a host name and an optional port."))
    if target and LOOPBACK_HOST.fullmatch(target["name"]):
        return host
    address, port = handler.server.server_address[:2]
    return f"{address}:{port}"


def _rejecting(handle: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wrap ``handle`` to respond to the requests that ``_read_request`` rejects."""

    @wraps(handle)
    def handle_or_reject(handler: Any) -> None:
        try:
            _in_origin_form(handler)
            handle(handler)
        except _Unreadable as rejected:
            _reject(handler, rejected.response)
        except _HungUp:
            handler.close_connection = True

    return handle_or_reject


def _in_origin_form(handler: Any) -> None:
    """Remove scheme and host from the request target. The host replaces ``Host`` (RFC 9112, section 3.2.2).

    Starts from the request line, because the server's own ``path`` is altered: ``//users`` becomes ``/users`` there.
    """
    handler.path = handler.requestline.split()[1]
    target = ABSOLUTE_FORM.fullmatch(handler.path)
    if target:
        handler.path = target["rest"] if target["rest"].startswith("/") else f"/{target['rest']}"
        if "host" in handler.headers:
            handler.headers.replace_header("host", target["authority"])


def _send_problem(handler: Any, code: int, _message: str | None = None, _explain: str | None = None) -> None:
    """Replace the server's ``send_error``: send a problem document instead of an HTML page."""
    handler.path = ""  # else it is the previous request's, if this one's first line could not be parsed
    _reject(handler, gateway_responses.BY_STATUS.get(HTTPStatus(code), gateway_responses.UNPARSABLE))


def _reject(handler: Any, response: GatewayResponse) -> None:
    """Send ``response`` and close the connection without reading on."""
    handler.close_connection = True
    handler.request_version = handler.protocol_version  # unknown if the request's first line can't be parsed
    rejection = Rejection(response, handler.cors, str(uuid.uuid4()))
    handler._send_http_response(rejection.CODE, {**rejection.headers, "Connection": "close"}, rejection.body)


def _any_method(handler: Any, name: str) -> Any:
    """Handle methods such as QUERY and TRACE like any unsupported method; the standard library would return 501."""
    if name.startswith("do_"):
        return handler._generic_handle
    raise AttributeError(name)


def _log_access(handler: Any, code: int | str = "-", _size: int | str = "-") -> None:
    """Log a request as API Gateway's access log does: with its route, but without its path and query."""
    try:
        route = RouteMatcher(list(handler.local_gateway._app_object.routes)).match_route(handler.path).route
    except (AttributeError, ValueError):  # no path if the request's first line can't be parsed
        route = "-"
    log.info("access", extra={"method": logs.method(handler.command), "route": route, "status": int(code)})


def _log_nothing(_handler: Any, _format: str, *_: object) -> None:
    """Drop the server's own log lines, which quote what the client sent."""


def _log_error(_server: Any, _request: object, _client: object) -> None:
    """Log one line instead of a stack trace, and nothing if the client closed the connection."""
    error = sys.exc_info()[1]
    if not isinstance(error, ConnectionError):
        log.error("connection_failed", extra={"error": type(error).__name__})


def _without_forbidden_body(send: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``send`` to omit the body and ``Content-Length`` for HEAD, 204 and 304.

    A client would read the body as the start of the next response, and ``Content-Length: 0`` as the length of the
    response to a GET (RFC 9110, section 8.6).
    """

    @wraps(send)
    def send_or_not(handler: Any, code: int, headers: dict[str, Any], body: Any) -> None:
        if handler.command == "HEAD" or code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            handler.send_response(code)
            handler._send_headers(headers)
        else:
            send(handler, code, headers, body)

    return send_or_not
