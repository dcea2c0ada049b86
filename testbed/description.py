"""Checks responses against the API's own description, ``chalicelib/openapi.json``."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

import chalicelib

DOCUMENT: dict[str, Any] = json.loads((Path(chalicelib.__file__).parent / "openapi.json").read_text())
REGISTRY: Registry[Any] = Registry().with_resource("urn:openapi", DRAFT202012.create_resource(DOCUMENT))


class Response(Protocol):
    """A response of the API. The names of ``headers`` are in lower case."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The body."""

    @property
    def json(self) -> Any:
        """The body, parsed."""


def resolve(part: dict[str, Any]) -> dict[str, Any]:
    """Return ``part`` or, if it is a reference, the part of the document that it refers to."""
    while "$ref" in part:
        target = DOCUMENT
        for token in part["$ref"].removeprefix("#/").split("/"):
            target = target[token.replace("~1", "/").replace("~0", "~")]
        part = target
    return part


@cache
def validator(schema: str) -> Draft202012Validator:
    """Return a validator for a schema, which is given as JSON text. Its references point into the document."""
    return Draft202012Validator(json.loads(schema.replace('"#/', '"urn:openapi#/')), registry=REGISTRY)


def operation(method: str, path: str) -> dict[str, Any] | None:
    """Return the description of the operation that a request calls, or ``None`` if no such operation is described."""
    methods: dict[str, dict[str, Any]]
    for template, methods in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), urlsplit(path).path) and method.lower() in methods:
            return methods[method.lower()]
    return None


def check(method: str, path: str, answer: Response) -> None:
    """Assert that the status, headers, media type and body of ``answer`` match the description."""
    described = operation(method, path)
    if described is None:
        assert answer.status in (404, 405), f"{method} {path} is not described"
        return
    assert str(answer.status) in described["responses"], f"{method} {path} returned {answer.status}: describe it"
    response = resolve(described["responses"][str(answer.status)])
    headers = set(response.get("headers", {})) - {"Link"}
    if answer.status == 200 and answer.body == b"{}":
        headers.discard("ETag")  # no record is stored, so there is no entity tag
    assert {header.lower() for header in headers} <= answer.headers.keys()
    if not answer.body:
        assert "content" not in response
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    content = response["content"][media_type]
    if not media_type.endswith("json"):
        return
    errors = list(validator(json.dumps(content["schema"])).iter_errors(answer.json))
    assert not errors, errors[0]
