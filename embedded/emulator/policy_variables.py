"""Variables in IAM policies, such as ``${aws:PrincipalTag/userid}``. ministack compares them as text.

Source: "IAM policy elements: Variables and tags", IAM user guide: variables stand in resources and in the values of
conditions. A statement with a variable that has no value does not apply, unless the variable has a default
(``${aws:PrincipalTag/team, 'none'}``). A value is literal: wildcards in it match nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator as ministack

VARIABLE = re.compile(r"\$\{(?P<key>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")
WILDCARDS = frozenset("*?")

_first_match = ministack._first_match


class _NoValueError(Exception):
    """A variable has no value that a pattern can contain."""


def install() -> None:
    """Replace ministack's search for the statement that decides."""
    ministack._first_match = first_match


def first_match(context: Any, statements: list[Any], effect: str) -> Any:
    """Return the first statement with this ``effect`` that applies to the request, or ``None``."""
    for statement in statements:
        try:
            resolved = _resolved(statement, context)
        except _NoValueError:
            continue
        if _first_match(context, [resolved], effect) is not None:
            return statement
    return None


def _resolved(statement: Any, context: Any) -> Any:
    """Return a statement with the values of its variables."""
    if "${" not in f"{statement.resources}{statement.not_resources}{statement.conditions}":
        return statement
    return replace(
        statement,
        resources=_in(statement.resources, context),
        not_resources=_in(statement.not_resources, context),
        conditions=_in(statement.conditions, context),
    )


def _in(value: Any, context: Any) -> Any:
    """Return ``value``, in which texts, lists and the values of mappings have the values of their variables."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda variable: _value(variable, context), value)
    if isinstance(value, list):
        return [_in(one, context) for one in value]
    if isinstance(value, Mapping):
        return {key: _in(one, context) for key, one in value.items()}
    return value


def _value(variable: re.Match[str], context: Any) -> str:
    value = ministack._resolve_condition_key(variable["key"].strip(), context)
    if value is None:
        value = variable["default"]
    if not isinstance(value, str) or WILDCARDS.intersection(value):
        raise _NoValueError
    return value
