"""A user: the client's own attributes, with the ``userid`` and ``timestamp`` that the service sets beside them."""

from hashlib import sha256
from uuid import NAMESPACE_URL, uuid4, uuid5

from chalicelib.errors import Invalid
from chalicelib.json.strict_json import JsonObject, canonical
from chalicelib.records import Record, stamp
from chalicelib.records import patch as patch_record

SET_BY_SERVICE = frozenset({"userid", "timestamp"})


def new(document: JsonObject) -> Record:
    """The user that ``document`` describes, under its own ``userid`` or, without one, a fresh UUID4."""
    userid = document.get("userid", str(uuid4()))
    if not isinstance(userid, str):
        raise Invalid.at("/userid", "A userid is text.")
    return stored_as(userid, document)


def new_once(document: JsonObject, caller: str, key: str) -> tuple[Record, str]:
    """The user that ``document`` describes, under a ``userid`` that caller and Idempotency-Key decide (UUID5).

    With it, the origin: a fingerprint of the document, by which another document under the same key is known.
    """
    userid = str(uuid5(NAMESPACE_URL, f"urn:roster:idempotency-key:{caller}:{key}"))
    if document.get("userid", userid) != userid:
        raise Invalid.at("/userid", "With an Idempotency-Key, that decides the userid: leave it out of the body.")
    user = stored_as(userid, document)
    return user, sha256(canonical(user.document).encode()).hexdigest()


def stored_as(userid: str, document: JsonObject) -> Record:
    """The user that ``document`` describes, under ``userid`` whatever the document says."""
    return stamp(userid, _attributes(document))


def patch(user: Record, change: JsonObject) -> Record:
    """``user`` with a merge patch (RFC 7396) applied; ``userid`` and ``timestamp`` in it are passed over."""
    return patch_record(user, _attributes(change))


def to_json(user: Record) -> JsonObject:
    """The user as clients see it."""
    return {**user.document, "userid": user.userid, "timestamp": user.timestamp}


def _attributes(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name not in SET_BY_SERVICE}
