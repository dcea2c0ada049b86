"""A strict JSON reader and writer: no value is silently dropped, rounded or guessed.

The reader accepts I-JSON (RFC 7493: UTF-8, no duplicate member names, no lone surrogates) with numbers that DynamoDB
can store: at most 38 significant digits and a magnitude from 1E-130 to 9.99…E+125 ("Supported data types and naming
rules" in the DynamoDB developer guide). Whole numbers become ``int``, all others ``Decimal``, never ``float``. The
writer exists because the standard library's encoder can't write a ``Decimal``.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from hashlib import sha256
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import NoReturn, Union, cast

from chalicelib.errors import Invalid, TooLarge, Violation

Json = Union[None, bool, int, Decimal, str, "list[Json]", "JsonObject"]
JsonObject = dict[str, Json]

MAX_BYTES = 350 * 1024
"""Maximum bytes of a document as JSON in UTF-8. DynamoDB's limit is 400 KB per item, overhead included."""
MAX_SERVICE_BYTES = 256
"""Maximum bytes of the members that Roster adds to a returned document, and ignores when they are sent back."""
MAX_DEPTH = 30
"""Maximum levels of objects and lists, including the outermost. DynamoDB accepts 32; a record adds one."""
MAX_NAME_BYTES = 65535
"""Maximum bytes of a member name: DynamoDB's limit for attribute names."""
MAX_VIOLATIONS = 20
"""Maximum number of reported errors. It keeps error responses small, as does ``MAX_POINTER``."""
MAX_POINTER = 1024
"""Maximum characters of a pointer. A longer one is shortened to an enclosing object or list."""

MAX_DIGITS = 38
MAX_EXPONENT = 125
MIN_EXPONENT = -130

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOO_LARGE = "The document has {:,} bytes; at most {:,} are accepted."


class _Members(list[tuple[str, object]]):
    """A parsed object, including duplicate names."""


class _Literal(str):
    """A number, as it was written."""


class _NotJson(str):
    """``NaN``, ``Infinity`` or ``-Infinity``, which Python's parser accepts."""


def parse_object(body: bytes, set_by_service: Collection[str] = (), limit: int = MAX_BYTES) -> JsonObject:
    """Parse the JSON object in ``body``.

    The members ``set_by_service`` do not count towards ``limit``: clients can send back whatever Roster returned.
    Raises ``TooLarge`` above that limit, and ``Invalid`` with a pointer to each error in the document.
    """
    if len(body) > limit + (MAX_SERVICE_BYTES if set_by_service else 0):
        raise TooLarge(_TOO_LARGE.format(len(body), limit))
    if not body:
        raise Invalid.at("", "The body is empty: send a JSON object.")
    document = _Reader().read(parse_members(body))
    if not isinstance(document, dict):
        raise Invalid.at("", "The body is not an object: send a JSON object.")
    if len(body) > limit:
        echoed = {name: document[name] for name in set_by_service if name in document}
        size = len(body) - (len(shortest(echoed).encode()) - len("{}") + len(",") if echoed else 0)
        if size > limit:
            raise TooLarge(_TOO_LARGE.format(size, limit))
    return document


def parse_members(body: bytes) -> object:
    """Parse JSON text with Python's parser, preserving duplicate names and numbers as written for later checks."""
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_Members,
            parse_int=_Literal,
            parse_float=_Literal,
            parse_constant=_NotJson,
        )
    except UnicodeDecodeError as error:
        raise Invalid.at("", f"The body is not valid UTF-8 (byte {error.start}).") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Invalid.at("", f"The body is not valid JSON ({error.msg}, {place}).") from None
    except RecursionError:
        raise Invalid.at("", f"The body is nested deeper than {MAX_DEPTH} levels.") from None


class _Reader:
    """Converts parsed JSON to plain values. Collects violations instead of stopping at the first."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def read(self, value: object) -> Json:
        result = self._value(value, "", 1)
        if self.violations:
            self._reject()
        return result

    def _reject(self) -> NoReturn:
        count = len(self.violations)
        first = self.violations[0]
        where = f"At {first.pointer}: " if first.pointer else ""
        more = f" ({count - 1} more)" if count > 1 else ""
        raise Invalid(f"{where}{first.detail}{more}", *self.violations)

    def _violation(self, pointer: str, detail: str) -> None:
        while len(pointer) > MAX_POINTER:
            pointer = pointer.rpartition("/")[0]
        self.violations.append(Violation(pointer, detail))
        if len(self.violations) >= MAX_VIOLATIONS:
            self._reject()

    def _value(self, value: object, pointer: str, depth: int) -> Json:
        if isinstance(value, _Literal):
            return self._number(value, pointer)
        if isinstance(value, list):
            return self._container(value, pointer, depth)
        if isinstance(value, _NotJson):
            self._violation(pointer, f"{value} is not a JSON number.")
        elif isinstance(value, str) and _SURROGATE.search(value):
            self._violation(pointer, "The string contains a lone surrogate, which is not valid Unicode.")
        return cast("str | bool | None", value)

    def _container(self, value: list[object], pointer: str, depth: int) -> Json:
        if depth > MAX_DEPTH:
            self._violation(pointer, f"Nested deeper than {MAX_DEPTH} levels.")
            return None
        if isinstance(value, _Members):
            return self._object(value, pointer, depth)
        return [self._value(element, f"{pointer}/{index}", depth + 1) for index, element in enumerate(value)]

    def _object(self, members: _Members, pointer: str, depth: int) -> JsonObject:
        result: JsonObject = {}
        for name, value in members:
            if _SURROGATE.search(name):
                self._violation(pointer, "A key contains a lone surrogate, which is not valid Unicode.")
                continue
            if len(name) > MAX_NAME_BYTES // 4 and len(name.encode()) > MAX_NAME_BYTES:
                self._violation(pointer, f"A key has more than {MAX_NAME_BYTES:,} bytes.")
                continue
            member = f"{pointer}/{escape(name)}"
            if not name:
                self._violation(member, "Empty key: a key needs at least one character.")
            if name in result:
                self._violation(member, "Duplicate key.")
            result[name] = self._value(value, member, depth + 1)
        return result

    def _number(self, literal: str, pointer: str) -> Json:
        try:
            number = Decimal(literal)
        except InvalidOperation:  # the exponent exceeds even the range of Decimal
            number = None
        if number is None or (number and not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT):
            self._violation(pointer, f"Number out of range: use 0, or 1E{MIN_EXPONENT} to 9.99E+{MAX_EXPONENT}.")
            return None
        number = significant(number)
        if len(number.as_tuple().digits) > MAX_DIGITS:
            self._violation(pointer, f"The number has more than {MAX_DIGITS} significant digits.")
            return None
        return by_value(number)


def by_value(number: Decimal) -> int | Decimal:
    """Return the number as an ``int`` if it is whole, or else as a ``Decimal`` without trailing zeros."""
    exact = significant(number)
    return int(exact) if exact == exact.to_integral_value() else exact


def significant(number: int | Decimal) -> Decimal:
    """Return the number without trailing zeros."""
    return Decimal(number).normalize(_EXACT)


def escape(name: str) -> str:
    """Escape a member name as a token of a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def dumps(value: Json) -> str:
    """Return ``value`` as compact JSON. Numbers are exact; whole numbers have all their digits."""
    return _text(value, encode_basestring, str, dict.items)


def shortest(value: Json) -> str:
    """Return the shortest possible JSON text of ``value``. Numbers may be written like ``1e125``."""
    return _text(value, encode_basestring, shortest_number, dict.items)


def digest(value: Json) -> str:
    """Return a hash (SHA-256, hexadecimal) that is the same for equal values. It is stored, so it must never change."""
    return sha256(canonical(value).encode()).hexdigest()


def canonical(value: Json) -> str:
    """Return an ASCII text that is the same for equal values."""
    return _text(value, encode_basestring_ascii, str, lambda members: sorted(members.items()))


def shortest_number(number: int | Decimal) -> str:
    """Return the shortest JSON text of ``number``, in plain digits if nothing is shorter."""
    sign, digits, exponent = significant(number).as_tuple()
    scientific = f"{'-' * sign}{''.join(map(str, digits))}e{exponent}"
    return min(str(number), scientific, key=len)


def _text(
    value: Json,
    quoted: Callable[[str], str],
    number: Callable[[int | Decimal], str],
    members: Callable[[JsonObject], Iterable[tuple[str, Json]]],
) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(k)}:{_text(v, quoted, number, members)}" for k, v in members(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(element, quoted, number, members) for element in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return number(value)
