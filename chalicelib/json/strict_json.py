"""JSON as Roster takes and gives it: nothing silently dropped, rounded or guessed.

Reading follows I-JSON (RFC 7493: UTF-8, no duplicate member names, no lone surrogates) and DynamoDB's numbers (at
most 38 significant digits, magnitude from 1E-130 up to 9.99…E+125, see "Supported data types and naming rules" in the
DynamoDB developer guide). Numbers become ``int`` where they are whole and ``Decimal`` where not, never ``float``, and
are written again by value: the standard library's encoder can't write a ``Decimal``.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import NoReturn, Union, cast

from chalicelib.errors import Invalid, TooLarge, Violation

Json = Union[None, bool, int, Decimal, str, "list[Json]", "JsonObject"]
JsonObject = dict[str, Json]

MAX_BYTES = 350 * 1024
"""Of a document, as JSON text in UTF-8. DynamoDB stores items of up to 400 KB, its own overhead included."""
MAX_SERVICE_BYTES = 256
"""Of what Roster adds to a document when it returns it, and ignores when it gets it back."""
MAX_DEPTH = 30
"""Levels of objects and lists, the outermost counted. DynamoDB takes 32, and a record needs one for itself."""
MAX_NAME_BYTES = 65535
"""Of a member name: DynamoDB's limit for attribute names."""
MAX_VIOLATIONS = 20
MAX_POINTER = 1024
"""Violations beyond the one number are not listed, pointers beyond the other show an enclosing place: enough to mend
a document by, too little to make a small body's refusal a large answer."""

MAX_DIGITS = 38
MAX_EXPONENT = 125
MIN_EXPONENT = -130

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOO_LARGE = f"The document has {{:,}} bytes; at most {MAX_BYTES:,} are accepted."


class _Members(list[tuple[str, object]]):
    """An object as read, duplicate names included."""


class _Literal(str):
    """A number as written."""


class _NotJson(str):
    """``NaN`` or ``Infinity``, which Python's reader would let pass."""


def parse_object(body: bytes, set_by_service: Collection[str] = ()) -> JsonObject:
    """The JSON object that ``body`` holds.

    Its members ``set_by_service`` do not count against ``MAX_BYTES``, so that whatever Roster returned can be sent
    back. Raises ``TooLarge`` over that, else ``Invalid`` with a pointer to each fault.
    """
    if len(body) > MAX_BYTES + MAX_SERVICE_BYTES:
        raise TooLarge(_TOO_LARGE.format(len(body)))
    if not body:
        raise Invalid.at("", "The body is empty; a JSON object is expected.")
    document = _Reader().read(parse_members(body))
    if not isinstance(document, dict):
        raise Invalid.at("", "The body is JSON, but not an object.")
    if len(body) > MAX_BYTES:
        echoed = {name: document[name] for name in set_by_service if name in document}
        size = len(body) - (len(shortest(echoed).encode()) - len("{}") + len(",") if echoed else 0)
        if size > MAX_BYTES:
            raise TooLarge(_TOO_LARGE.format(size))
    return document


def parse_members(body: bytes) -> object:
    """The JSON text as Python's reader sees it, with the evidence that the checks need still in it."""
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_Members,
            parse_int=_Literal,
            parse_float=_Literal,
            parse_constant=_NotJson,
        )
    except UnicodeDecodeError as error:
        raise Invalid.at("", f"The body is not UTF-8 (at byte {error.start}).") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Invalid.at("", f"The body is not JSON ({error.msg}, {place}).") from None
    except RecursionError:
        raise Invalid.at("", f"The body is nested deeper than {MAX_DEPTH} levels.") from None


class _Reader:
    """Turns what was read into plain values, collecting violations instead of stopping at the first."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def read(self, value: object) -> Json:
        result = self._value(value, "", 1)
        if self.violations:
            self._refuse()
        return result

    def _refuse(self) -> NoReturn:
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
            self._refuse()

    def _value(self, value: object, pointer: str, depth: int) -> Json:
        if isinstance(value, _Literal):
            return self._number(value, pointer)
        if isinstance(value, list):
            return self._container(value, pointer, depth)
        if isinstance(value, _NotJson):
            self._violation(pointer, f"{value} is not a JSON number.")
        elif isinstance(value, str) and _SURROGATE.search(value):
            self._violation(pointer, "The text holds a lone surrogate, which is not Unicode text.")
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
                self._violation(pointer, "A member name holds a lone surrogate, which is not Unicode text.")
                continue
            if len(name) > MAX_NAME_BYTES // 4 and len(name.encode()) > MAX_NAME_BYTES:
                self._violation(pointer, f"A member name has more than {MAX_NAME_BYTES:,} bytes.")
                continue
            place = f"{pointer}/{escape(name)}"
            if not name:
                self._violation(place, "A member name is empty; DynamoDB's have one character at the least.")
            if name in result:
                self._violation(place, "The member name stands twice in its object.")
            result[name] = self._value(value, place, depth + 1)
        return result

    def _number(self, literal: str, pointer: str) -> Json:
        try:
            number = Decimal(literal)
        except InvalidOperation:  # the exponent is beyond even what Decimal holds
            number = None
        if number is None or (number and not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT):
            self._violation(pointer, f"The number is out of range: 1E{MIN_EXPONENT} to 9.99E+{MAX_EXPONENT}, or 0.")
            return None
        number = significant(number)
        if len(number.as_tuple().digits) > MAX_DIGITS:
            self._violation(pointer, f"The number has more than {MAX_DIGITS} significant digits.")
            return None
        return by_value(number)


def by_value(number: Decimal) -> int | Decimal:
    """The same number as ``int`` if it is whole, else as a ``Decimal`` without trailing zeros."""
    exact = significant(number)
    return int(exact) if exact == exact.to_integral_value() else exact


def significant(number: int | Decimal) -> Decimal:
    """The same number without trailing zeros."""
    return Decimal(number).normalize(_EXACT)


def escape(name: str) -> str:
    """A member name as one token of a JSON Pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def dumps(value: Json) -> str:
    """Compact JSON text of ``value``, numbers exact and in full digits as far as these are significant."""
    return _text(value, encode_basestring, str, dict.items)


def shortest(value: Json) -> str:
    """The shortest JSON text of ``value``: no body that holds it has fewer bytes. Numbers may be like ``1e125``."""
    return _text(value, encode_basestring, shortest_number, dict.items)


def canonical(value: Json) -> str:
    """The same JSON text for equal values, whatever the order of members; ASCII. Stored, so it must never change."""
    return _text(value, encode_basestring_ascii, str, lambda members: sorted(members.items()))


def shortest_number(number: int | Decimal) -> str:
    """The shortest JSON text of ``number``; plain digits if they are as short as any."""
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
