"""Entity tags, ``If-Match`` and ``If-None-Match`` (RFC 9110, sections 8.8.3 and 13.1)."""

import re

from chalicelib.errors import Invalid
from chalicelib.records import ABSENT, Precondition, Record

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
LIST = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")
MAX_TAGS = 100
"""Maximum number of tags in a header: DynamoDB's limit for the values in one ``IN`` condition."""


def of(record: Record) -> str:
    """Return the record's entity tag. It is strong, because revisions never repeat."""
    return f'"{record.revision}"'


def write_precondition(if_match: str | None, if_none_match: str | None) -> Precondition | None:
    """Return the precondition in the headers of a write, or ``None``. Raises ``Invalid`` if they can't be parsed."""
    if if_match is not None and if_none_match is not None:
        raise Invalid("Send either If-Match or If-None-Match, not both.")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise Invalid("If-None-Match must be * on a write; it means: create, but never replace.")
        return ABSENT
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return Precondition(exists=True)
    return Precondition(exists=True, revisions=frozenset(tag.strip('"') for tag in _strong(if_match)))


def matches(tag: str | None, if_match: str | None, *, exists: bool) -> bool:
    """Return whether the ``If-Match`` of a GET matches ``tag``; ``exists`` says whether there is a record."""
    if if_match is None:
        return True
    return exists if if_match.strip() == "*" else tag in _strong(if_match)


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Return whether the client already has the version ``tag``: ``If-None-Match`` of a GET compares weakly."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag in {known.removeprefix("W/") for known in _tags("If-None-Match", if_none_match)}


def _strong(if_match: str) -> list[str]:
    """Return the strong tags. ``If-Match`` compares strongly (section 13.1.1), so weak tags never match."""
    return [tag for tag in _tags("If-Match", if_match) if not tag.startswith("W/")]


def _tags(name: str, value: str) -> list[str]:
    if not LIST.fullmatch(value):
        raise Invalid(f'{name} must be * or a list of entity tags such as "abc".')
    tags = re.findall(TAG, value)
    if len(tags) > MAX_TAGS:
        raise Invalid(f"{name} has {len(tags)} entity tags; at most {MAX_TAGS} are accepted.")
    return tags
