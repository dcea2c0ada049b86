"""Answers held against the API's own description, ``chalicelib/openapi.json``."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import chalicelib

DOCUMENT = json.loads((Path(chalicelib.__file__).parent / "openapi.json").read_text())
REGISTRY = Registry().with_resource("urn:openapi", Resource(DOCUMENT, DRAFT202012))


def resolve(part):
    """``part``, or what it refers to."""
    while "$ref" in part:
        target = DOCUMENT
        for token in part["$ref"].removeprefix("#/").split("/"):
            target = target[token.replace("~1", "/").replace("~0", "~")]
        part = target
    return part


@cache
def validator(schema):
    """Of a schema, given as JSON text; its references are the document's."""
    return Draft202012Validator(json.loads(schema.replace('"#/', '"urn:openapi#/')), registry=REGISTRY)


def operation(method, path):
    """The operation that a request is one of; ``None`` if there is none."""
    for template, methods in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), urlsplit(path).path) and method.lower() in methods:
            return methods[method.lower()]
    return None


def check(method, path, answer):
    """Assert that ``answer`` is one that the description knows: status, headers, media type and body."""
    described = operation(method, path)
    if described is None:
        assert answer.status in (404, 405), f"{method} {path} is not described"
        return
    assert str(answer.status) in described["responses"], f"{method} {path} may answer {answer.status}: say so"
    response = resolve(described["responses"][str(answer.status)])
    headers = set(response.get("headers", {})) - {"Link"}
    if answer.status == 200 and answer.body == b"{}":
        headers.discard("ETag")  # nothing there, nothing to tag
    assert {header.lower() for header in headers} <= answer.headers.keys()
    if not answer.body:
        assert "content" not in response
        return
    content = response["content"][answer.headers["content-type"]]
    errors = list(validator(json.dumps(content["schema"])).iter_errors(answer.json))
    assert not errors, errors[0]
