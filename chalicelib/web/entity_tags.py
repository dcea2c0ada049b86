"""Entity tags and the headers that ask about them (RFC 9110, sections 8.8.3 and 13.1)."""

import re

from chalicelib.errors import Invalid
from chalicelib.records import ABSENT, Precondition, Record

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
LIST = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")
MAX_TAGS = 100
"""In one header: as many values as DynamoDB compares with in one condition."""


def of(record: Record) -> str:
    """The record's entity tag: strong, as a revision never comes twice."""
    return f'"{record.revision}"'


def write_precondition(if_match: str | None, if_none_match: str | None) -> Precondition | None:
    """What the two headers ask of a write; ``None`` if they are absent. ``Invalid`` if that can't be read."""
    if if_match is not None and if_none_match is not None:
        raise Invalid("If-Match and If-None-Match contradict each other: send one of them.")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise Invalid("With a write, If-None-Match can only be *: store this if nothing is there.")
        return ABSENT
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return Precondition(exists=True)
    return Precondition(exists=True, revisions=frozenset(tag.strip('"') for tag in _strong(if_match)))


def matches(tag: str | None, if_match: str | None, *, exists: bool) -> bool:
    """Whether ``If-Match`` of a GET holds for what ``tag`` names; ``exists`` is whether there is anything."""
    if if_match is None:
        return True
    return exists if if_match.strip() == "*" else tag in _strong(if_match)


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Whether a reader has what ``tag`` names already (``If-None-Match`` of a GET, which compares weakly)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag in {known.removeprefix("W/") for known in _tags("If-None-Match", if_none_match)}


def _strong(if_match: str) -> list[str]:
    """If-Match compares strongly (section 13.1.1): a weak tag matches nothing."""
    return [tag for tag in _tags("If-Match", if_match) if not tag.startswith("W/")]


def _tags(name: str, value: str) -> list[str]:
    if not LIST.fullmatch(value):
        raise Invalid(f'{name} is neither * nor a list of entity tags such as "abc".')
    tags = re.findall(TAG, value)
    if len(tags) > MAX_TAGS:
        raise Invalid(f"{name} names {len(tags)} entity tags; at most {MAX_TAGS} are taken.")
    return tags
