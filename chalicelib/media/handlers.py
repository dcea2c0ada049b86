"""Handles the requests about media items."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from chalice.app import Response

from chalicelib.errors import Conflict, Forbidden, NotFound
from chalicelib.json.strict_json import JsonObject, dumps
from chalicelib.media import addresses, items, uploads
from chalicelib.media.addresses import Addresses
from chalicelib.media.errors import ItemDeleted
from chalicelib.media.index import FIRST_DAY, Index, Page, Position, missing
from chalicelib.media.items import AWAITING_UPLOAD, MAX_DESCRIPTION, MAX_TITLE, REJECTED, MediaItem
from chalicelib.media.removal import Removal
from chalicelib.media.uploads import VISIBILITIES, Announced
from chalicelib.records import Precondition
from chalicelib.storage.dynamodb import CHANGED
from chalicelib.storage.s3 import Bucket
from chalicelib.web import cursors, responses
from chalicelib.web.bodies import Body
from chalicelib.web.request import Request

MEDIAID = re.compile(r"[A-Za-z0-9-]{1,64}")
DAY = r"\d{4}-\d\d-\d\d"
POSITION = re.compile(rf"{DAY}T\d\d:\d\d:\d\d\.\d{{3}}Z/{MEDIAID.pattern}", re.ASCII)
PUBLIC_POSITION = re.compile(rf"{DAY}|{POSITION.pattern}", re.ASCII)
"""Of the list of public items, a page can also start with a day."""
MAX_NAME = 256
"""Characters of ``owner_name``."""
SHARED = {"Cache-Control": "public, max-age=10"}
PUBLIC_LIST = "public-media"


class Handlers:
    """The handlers, by the names of the routes."""

    def __init__(self, index: Index, bucket: Bucket, removal: Removal) -> None:
        self._index = index
        self._bucket = bucket
        self._removal = removal
        self._addresses = Addresses(bucket)

    # One's own

    def post_media(self, request: Request) -> Response:
        """Create an item that waits for its upload. An item of an earlier request with the same key is returned."""
        announced = Announced.of(Body.of(request))
        key, precondition = request.idempotency_key(), request.precondition()
        if precondition is not None and precondition.exists:
            raise Conflict(CHANGED)
        item = uploads.new(announced, request.caller_sub, _name(request.token_claims), key)
        stored = self._index.create(item, may_exist=key is not None and precondition is None)
        if stored.is_deleted:
            raise ItemDeleted
        shown = self._own(stored)
        if stored.status == AWAITING_UPLOAD:
            shown["upload"] = uploads.form(self._bucket, stored)
        headers = {**_headers(stored), "Location": request.address(stored.mediaid)}
        return responses.document(shown, headers, HTTPStatus.CREATED)

    def list_media(self, request: Request) -> Response:
        """Return a page of the caller's own items."""
        limit, owner = request.limit(), request.caller_sub
        name = f"media/{owner}"
        page = self._index.of_owner(owner, limit, _position(request, name, POSITION))
        shown = [self._own(item) for item in page.items if not item.is_deleted]
        return responses.document([*shown], responses.UNCACHED | _link(request, limit, page, name))

    def get_item(self, request: Request, mediaid: str) -> Response:
        """Return an item, to its owner or to an administrator."""
        item = self._get(mediaid)
        caller = request.caller
        if item.owner == request.caller_sub:
            shown = self._own(item)
        elif caller is not None and caller.is_admin:
            shown = _shown(item) | self._addresses.private(item, with_original=False)
        else:
            raise missing()
        return responses.document(shown, _headers(item))

    def patch_item(self, request: Request, mediaid: str) -> Response:
        """Change what the owner says of a picture, and who may see it."""
        body, precondition = Body.of(request), request.precondition()
        changes: dict[str, Any] = {
            member: body.text_or_null(member, limit, has_lines=member == "description")
            for member, limit in (("title", MAX_TITLE), ("description", MAX_DESCRIPTION))
            if member in body
        }
        if "visibility" in body:
            changes["visibility"] = body.choice("visibility", VISIBILITIES)
        body.require_no_faults()

        def change(item: MediaItem) -> MediaItem:
            _require_own(item, request)
            _require(precondition, item)
            return items.changed(item, **changes)

        try:
            item = self._index.update(_checked(mediaid), change)
        except NotFound:
            raise _absent(precondition) from None
        return responses.document(self._own(item), _headers(item))

    def delete_item(self, request: Request, mediaid: str) -> Response:
        """Remove an item and its objects. What does not exist, or is not the caller's to know of, counts as removed."""
        precondition = request.precondition()
        try:
            item = self._stored(mediaid)
            _require_own(item, request, or_deleted=True)
        except NotFound:
            if precondition is not None and precondition.exists:
                raise _absent(precondition) from None
            return responses.no_content()
        if item.is_deleted:  # most likely, by an earlier attempt of this request
            self._removal.remove(item)
        else:
            self._delete(item, request, precondition)
        return responses.no_content()

    def _delete(self, item: MediaItem, request: Request, precondition: Precondition | None) -> None:
        _require(precondition, item)
        try:
            self._removal.remove(item)
        except Conflict:
            # The images function got in between, or the owner did, perhaps with another request to delete.
            def deleted(stored: MediaItem) -> MediaItem:
                _require_own(stored, request, or_deleted=True)
                if not stored.is_deleted:
                    _require(precondition, stored)
                return items.deleted(stored)

            with suppress(NotFound):
                self._removal.remove(self._index.update(item.mediaid, deleted))

    # For everybody

    def list_public(self, request: Request) -> Response:
        """Return a page of what is public and ready."""
        limit = request.limit()
        position = _position(request, PUBLIC_LIST, PUBLIC_POSITION)
        if position is not None:
            _require_public_day(date.fromisoformat(position.created[:10]))
        page, time = self._index.public(limit, position), addresses.public_time()
        shown = [_shown(item) | self._addresses.public(item, time) for item in page.items]
        tag = sha256(dumps([*shown]).encode()).hexdigest()[:32]
        headers = {**SHARED, "ETag": f'"{tag}"', **_link(request, limit, page, PUBLIC_LIST)}
        return responses.document([*shown], headers)

    def get_public(self, mediaid: str) -> Response:
        """Return an item, if it is public and ready. Its entity tag changes with its addresses, because caches keep
        both."""
        item = self._get(mediaid)
        if not item.is_public:
            raise missing()
        time = addresses.public_time()
        headers = {**SHARED, "ETag": f'"{item.revision}-{time:x}"'}
        return responses.document(_shown(item) | self._addresses.public(item, time), headers)

    # Both

    def _get(self, mediaid: str) -> MediaItem:
        """Return an item that is not being removed. Raises ``NotFound``."""
        item = self._stored(mediaid)
        if item.is_deleted:
            raise missing()
        return item

    def _stored(self, mediaid: str) -> MediaItem:
        item = self._index.get(_checked(mediaid))
        if item is None:
            raise missing()
        return item

    def _own(self, item: MediaItem) -> JsonObject:
        """Return an item as its owner sees it."""
        return _shown(item) | self._addresses.private(item, with_original=True)


def _shown(item: MediaItem) -> JsonObject:
    """Return an item as clients see it, without the addresses of its pictures."""
    shown: JsonObject = {
        "mediaid": item.mediaid,
        "owner": item.owner,
        "owner_name": item.owner_name,
        "status": item.status,
        "visibility": item.visibility,
        "title": item.title,
        "description": item.description,
        "content_type": item.content_type,
        "size": item.size,
        "width": item.width,
        "height": item.height,
        "created": item.created,
        "modified": item.modified,
    }
    if item.status == REJECTED:
        shown["reason"] = item.reason
    return shown


def _headers(item: MediaItem) -> dict[str, str]:
    """Return the headers of a response with one item. It is not stored: a cache that revalidates it with its entity tag
    would keep addresses that have expired."""
    return {**responses.UNCACHED, "ETag": f'"{item.revision}"'}


def _name(claims: Mapping[str, Any]) -> str | None:
    """Return the name in an ID token. One that may be an e-mail address is not used, because everybody may see it."""
    name = claims.get("name")
    if claims.get("token_use") != "id" or not isinstance(name, str):
        return None
    name = name.strip()[:MAX_NAME]
    return name if name and name.isprintable() and "@" not in name else None


def _checked(mediaid: str) -> str:
    if not MEDIAID.fullmatch(mediaid):
        raise missing()
    return mediaid


def _require_own(item: MediaItem, request: Request, *, or_deleted: bool = False) -> None:
    """Raise ``NotFound`` unless the caller is the owner. Administrators, who can read the item, get ``Forbidden``."""
    if item.is_deleted and not or_deleted:
        raise missing()
    if item.owner != request.caller_sub:
        caller = request.caller
        if caller is not None and caller.is_admin and not item.is_deleted:
            raise Forbidden("Only its owner may change or delete a media item.")
        raise missing()


def _require(only_if: Precondition | None, item: MediaItem) -> None:
    """Raise ``Conflict`` unless ``item``, which is stored, meets the precondition."""
    if only_if is not None and not only_if.holds(item):
        raise Conflict(CHANGED)


def _absent(precondition: Precondition | None) -> Conflict | NotFound:
    """Return the error for a write to what does not exist."""
    return missing() if precondition is None or not precondition.exists else Conflict(CHANGED)


def _position(request: Request, name: str, form: re.Pattern[str]) -> Position | None:
    """Return where the page starts, according to ``cursor``, in the list called ``name``."""
    cursor = request.query("cursor")
    if cursor is None:
        return None
    created, _, mediaid = cursors.decode(cursor, name, form).partition("/")
    try:
        date.fromisoformat(created[:10])
    except ValueError:
        raise cursors.damaged() from None
    return Position(created, mediaid)


def _require_public_day(day: date) -> None:
    """Raise ``Invalid`` unless the list of public items has this day. Clocks may differ by a day."""
    if not FIRST_DAY <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise cursors.damaged()


def _link(request: Request, limit: int, page: Page, name: str) -> dict[str, str]:
    if page.next is None:
        return {}
    position = page.next.created if not page.next.mediaid else f"{page.next.created}/{page.next.mediaid}"
    return responses.next_page(request.address_with(limit=limit, cursor=cursors.encode(position, name)))
