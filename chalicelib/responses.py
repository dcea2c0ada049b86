"""From results to HTTP answers."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from chalice.app import Response

from chalicelib import entity_tags, profiles, users
from chalicelib.records import Record
from chalicelib.strict_json import Json, dumps

PRIVATE = {"Cache-Control": "private, no-cache"}
UNCACHED = {"Cache-Control": "no-store"}


def document(value: Json, headers: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """``value`` as JSON."""
    return Response(
        body=dumps(value),
        status_code=status.value,
        headers={"Content-Type": "application/json", **(headers or {})},
    )


def description() -> Response:
    """The API's OpenAPI document, as it lies in the package: read when asked for, never parsed."""
    text = Path(__file__).with_name("openapi.json").read_text(encoding="utf-8")
    return Response(body=text, headers={"Content-Type": "application/json", "Cache-Control": "public, max-age=300"})


def user(record: Record | None, location: str | None = None) -> Response:
    """One user, or ``{}`` if there is none."""
    if record is None:
        return document({}, PRIVATE)
    headers = {**PRIVATE, "ETag": entity_tags.of(record)}
    if location is not None:
        headers["Location"] = location
    return document(users.to_json(record), headers)


def user_page(records: list[Record], next_page: str | None) -> Response:
    """Users as an array; ``next_page`` is the address of more (``Link``, RFC 8288)."""
    headers = dict(PRIVATE)
    if next_page is not None:
        headers["Link"] = f'<{next_page}>; rel="next"'
    return document([users.to_json(record) for record in records], headers)


def profile(record: Record) -> Response:
    """One profile."""
    return document(profiles.to_json(record), {**PRIVATE, "ETag": entity_tags.of(record)})


def deleted() -> Response:
    """What a delete answers, whether or not there was anything."""
    return document({}, PRIVATE)


def not_modified(response: Response) -> Response:
    """304 in place of ``response``, whose content the reader has."""
    kept = {name: value for name, value in response.headers.items() if name in ("ETag", "Cache-Control")}
    return Response(body="", status_code=HTTPStatus.NOT_MODIFIED.value, headers=kept)
