"""From results to HTTP responses."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from json.encoder import encode_basestring_ascii
from pathlib import Path

from chalice.app import Response

from chalicelib.json.strict_json import Json, JsonObject, dumps, shortest
from chalicelib.records import Record, text
from chalicelib.repository import Page
from chalicelib.web import entity_tags

PRIVATE = {"Cache-Control": "private, no-cache"}
UNCACHED = {"Cache-Control": "no-store"}

Show = Callable[[Record], JsonObject]
"""How a record is presented to clients."""

NOTHING = "{}"
"""The body of a response without a record."""
MAX_RESPONSE = 6 * 1024 * 1024 - 64 * 1024
"""Bytes of a body as one JSON string, which is how Lambda returns it: 6 MB ("Lambda quotas"), less what the headers and
the status may take. Lambda's own encoder writes ASCII up to Python 3.11: three times as many bytes for an umlaut."""


def document(value: Json, headers: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return ``value`` as JSON."""
    return _json(dumps(value), headers or {}, status)


def attachment(value: Json, filename: str) -> Response:
    """Return ``value`` as JSON that browsers save as a file. It is not cached.

    Numbers are written in full, unless Lambda could not return the response then: ``1e125`` has 5 bytes, its digits
    have 126.
    """
    body = dumps(value)
    if len(encode_basestring_ascii(body)) > MAX_RESPONSE:
        body = shortest(value)
    return _json(body, {**UNCACHED, "Content-Disposition": f'attachment; filename="{filename}"'})


def no_content() -> Response:
    """Return a response without a body (204)."""
    return Response(body="", status_code=HTTPStatus.NO_CONTENT.value, headers=dict(UNCACHED))


def binary(content: bytes, content_type: str) -> Response:
    """Return bytes, which are not cached. ``content_type`` is one of the ``returns_types`` of the route."""
    return Response(body=content, headers={"Content-Type": content_type, **UNCACHED})


def unfinished(value: Json, retry_after: int) -> Response:
    """Return the response (202) to a request that has to be sent again after ``retry_after`` seconds."""
    return document(value, {**UNCACHED, "Retry-After": str(retry_after)}, HTTPStatus.ACCEPTED)


def _json(body: str, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(body=body, status_code=status.value, headers={"Content-Type": "application/json", **headers})


def description() -> Response:
    """Return the API's OpenAPI document, as the package has it. It is never parsed."""
    content = Path(__file__).parent.with_name("openapi.json").read_text(encoding="utf-8")
    return Response(body=content, headers={"Content-Type": "application/json", "Cache-Control": "public, max-age=300"})


def record(stored: Record | None, show: Show, location: str | None = None) -> Response:
    """Return one record as ``show`` presents it, with its ``ETag``; ``{}`` if there is none."""
    if stored is None:
        return _json(NOTHING, PRIVATE)
    headers = {**PRIVATE, "ETag": entity_tags.of(stored)}
    if location is not None:
        headers["Location"] = location
    return _json(text(show(stored), stored.document), headers)


def page(records: Page, show: Show, address_after: Callable[[str], str]) -> Response:
    """Return records as an array, with a ``Link`` (RFC 8288) to the next page if there may be one.

    ``address_after`` returns the address of the page that follows a userid. The array ends before Lambda could no
    longer return it. The first record always fits.
    """
    shown: list[str] = []
    last, room = records.last, MAX_RESPONSE
    for before, stored in zip([None, *records.records], records.records, strict=False):
        record_text = text(show(stored), stored.document)
        room -= len(encode_basestring_ascii(record_text))
        if before is not None and room < 0:
            last = before.userid
            break
        shown.append(record_text)
    headers = dict(PRIVATE)
    if last is not None:
        headers |= next_page(address_after(last))
    return _json(f"[{','.join(shown)}]", headers)


def next_page(address: str) -> dict[str, str]:
    """Return the header ``Link`` (RFC 8288) that gives a list's next page."""
    return {"Link": f'<{address}>; rel="next"'}


def deleted() -> Response:
    """Return the response to a DELETE, whether or not there was a record."""
    return _json(NOTHING, PRIVATE)


def not_modified(response: Response) -> Response:
    """Return 304 in place of ``response``, whose content the client has."""
    # A browser replaces the headers that it has stored by these.
    names = ("ETag", "Cache-Control", "Access-Control-Allow-Origin")
    kept = {name: value for name, value in response.headers.items() if name in names}
    return Response(body="", status_code=HTTPStatus.NOT_MODIFIED.value, headers=kept)
