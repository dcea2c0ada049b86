"""Users: the client's attributes, and the ``userid`` and ``timestamp`` that the service sets."""

from chalicelib.errors import Invalid
from chalicelib.json.strict_json import JsonObject, digest
from chalicelib.records import Record, stamp
from chalicelib.records import patch as patch_record

SET_BY_SERVICE = frozenset({"userid", "timestamp"})


def new(document: JsonObject) -> Record:
    """Return a new user from ``document``. Its ``userid`` is the document's or, without one, a new UUID4."""
    from uuid import uuid4  # 2% of the authorizer's cold start, which does not need it

    userid = document.get("userid", str(uuid4()))
    if not isinstance(userid, str):
        raise Invalid.at("/userid", "The userid must be a string.")
    return stored_as(userid, document)


def new_once(document: JsonObject, caller: str, key: str) -> tuple[Record, str]:
    """Return a new user from ``document``, and its origin.

    The ``userid`` is a UUID5 of the caller and the Idempotency-Key. The origin is a hash of the document: it shows
    whether a later request with the same key has the same body.
    """
    from uuid import NAMESPACE_URL, uuid5

    userid = str(uuid5(NAMESPACE_URL, f"urn:roster:idempotency-key:{caller}:{key}"))
    if document.get("userid", userid) != userid:
        raise Invalid.at("/userid", "The Idempotency-Key determines the userid: leave userid out of the body.")
    user = stored_as(userid, document)
    return user, digest(user.document)


def stored_as(userid: str, document: JsonObject) -> Record:
    """Return a user from ``document`` with the given ``userid``; one in the document is ignored."""
    return stamp(userid, _attributes(document))


def patch(user: Record, change: JsonObject) -> Record:
    """Return ``user`` with a merge patch (RFC 7396) applied. ``userid`` and ``timestamp`` in the patch are ignored."""
    return patch_record(user, _attributes(change))


def to_json(user: Record) -> JsonObject:
    """Return the user as clients see it."""
    return {**user.document, "userid": user.userid, "timestamp": user.timestamp}


def _attributes(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name not in SET_BY_SERVICE}
