"""Encodes Python values as JSON and decodes them without loss, whatever member names a client chooses.

ministack's own reader decodes every object with a member ``__bytes__`` as bytes, so one client's document could make
its whole store unreadable. Here, a mark is an object with exactly one member, whose name starts with ``__``. Any other
object of that shape, or with keys that are not strings, is encoded as a list of pairs behind a mark.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

MARK = "__"

Types = dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]]
"""Maps a mark to the type that it stands for and the functions that encode and decode a value of that type."""

BUILT_IN: Types = {
    "__bytes__": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "__bytearray__": (
        bytearray,
        lambda value: base64.b64encode(value).decode(),
        lambda text: bytearray(base64.b64decode(text)),
    ),
    "__tuple__": (tuple, list, tuple),
    "__set__": (set, list, set),
    "__frozenset__": (frozenset, list, frozenset),
}
PAIRS = "__pairs__"


class Codec:
    """Encodes and decodes values of JSON's types, of ``BUILT_IN`` and of ``types``."""

    def __init__(self, types: Types) -> None:
        self._types = {**BUILT_IN, **types}
        self._marks = {kind: mark for mark, (kind, _, _) in self._types.items()}

    def dumps(self, value: Any) -> str:
        """Return ``value`` as ASCII JSON text. Raise ``TypeError`` if it contains a value of any other type."""
        return json.dumps(self._plain(value), separators=(",", ":"))

    def loads(self, text: str) -> Any:
        """Return the value that ``dumps`` encoded as ``text``. Raise ``ValueError`` if the text is invalid."""
        return json.loads(text, object_hook=self._restored)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self._plain(element) for element in value]
        if value is None or isinstance(value, str | int | float):
            return value
        mark = self._marks.get(type(value))
        if mark is None:
            raise TypeError(f"a {type(value).__name__} can't be saved")
        _, written, _ = self._types[mark]
        return {mark: self._plain(written(value))}

    def _object(self, value: dict[Any, Any]) -> Any:
        is_text = all(isinstance(name, str) for name in value)
        if is_text and not (len(value) == 1 and next(iter(value)).startswith(MARK)):
            return {name: self._plain(member) for name, member in value.items()}
        return {PAIRS: [[self._plain(name), self._plain(member)] for name, member in value.items()]}

    def _restored(self, value: dict[str, Any]) -> Any:
        if len(value) != 1:
            return value
        ((mark, written),) = value.items()
        if mark == PAIRS:
            return {name: member for name, member in written}  # noqa: C416  (the pairs are lists, not tuples)
        if mark.startswith(MARK):
            if mark not in self._types:
                raise ValueError(f"unknown mark {mark}")
            return self._types[mark][2](written)
        return value
