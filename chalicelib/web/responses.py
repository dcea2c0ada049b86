"""From results to HTTP answers."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from json.encoder import encode_basestring_ascii
from pathlib import Path

from chalice.app import Response

from chalicelib import profiles, users
from chalicelib.json.strict_json import Json, dumps
from chalicelib.records import Record, text
from chalicelib.repository import Page
from chalicelib.web import entity_tags

PRIVATE = {"Cache-Control": "private, no-cache"}
UNCACHED = {"Cache-Control": "no-store"}

NOTHING = "{}"
"""The body that says that nothing is stored (as the workshop's clients expect)."""
MAX_RESPONSE = 6 * 1024 * 1024 - 64 * 1024
"""Bytes of a body as one JSON string, which is how Lambda returns it: 6 MB ("Lambda quotas"), less what the headers and
the status may take. Lambda's own encoder writes ASCII up to Python 3.11: three times as many bytes for an umlaut."""


def document(value: Json, headers: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """``value`` as JSON."""
    return _json(dumps(value), headers or {}, status)


def _json(body: str, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(body=body, status_code=status.value, headers={"Content-Type": "application/json", **headers})


def description() -> Response:
    """The API's OpenAPI document, as it lies in the package: read when asked for, never parsed."""
    text = Path(__file__).parent.with_name("openapi.json").read_text(encoding="utf-8")
    return Response(body=text, headers={"Content-Type": "application/json", "Cache-Control": "public, max-age=300"})


def user(record: Record | None, location: str | None = None) -> Response:
    """One user, or ``{}`` if there is none."""
    if record is None:
        return _json(NOTHING, PRIVATE)
    headers = {**PRIVATE, "ETag": entity_tags.of(record)}
    if location is not None:
        headers["Location"] = location
    return _json(text(users.to_json(record), record.document), headers)


def user_page(page: Page, address_after: Callable[[str], str]) -> Response:
    """Users as an array; ``Link`` (RFC 8288) has the address of more, ``address_after`` the last userid that is in it.

    The array ends where Lambda could not return more. The first user always fits.
    """
    users_of_page: list[str] = []
    last, room = page.last, MAX_RESPONSE
    for before, record in zip([None, *page.records], page.records, strict=False):
        user_text = text(users.to_json(record), record.document)
        room -= len(encode_basestring_ascii(user_text))
        if before is not None and room < 0:
            last = before.userid
            break
        users_of_page.append(user_text)
    headers = dict(PRIVATE)
    if last is not None:
        headers["Link"] = f'<{address_after(last)}>; rel="next"'
    return _json(f"[{','.join(users_of_page)}]", headers)


def profile(record: Record) -> Response:
    """One profile."""
    body = text(profiles.to_json(record), record.document)
    return _json(body, {**PRIVATE, "ETag": entity_tags.of(record)})


def deleted() -> Response:
    """What a delete answers, whether or not there was anything."""
    return _json(NOTHING, PRIVATE)


def not_modified(response: Response) -> Response:
    """304 in place of ``response``, whose content the reader has."""
    kept = {name: value for name, value in response.headers.items() if name in ("ETag", "Cache-Control")}
    return Response(body="", status_code=HTTPStatus.NOT_MODIFIED.value, headers=kept)
