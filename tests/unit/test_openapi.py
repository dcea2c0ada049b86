"""The OpenAPI document: complete, valid, and up to date with the code."""

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.web import problems
from infra import parts
from openapi import document
from openapi.schemas import core
from testbed.description import DOCUMENT, resolve, validator
from testbed.in_process import imported_app
from testbed.routes import ROUTES, Who


@pytest.fixture(scope="module")
def app():
    with imported_app(parts.examples()) as module:
        yield module.app


OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def test_the_served_document_is_up_to_date(app):
    assert document.build(app) == DOCUMENT, "the API has changed: make openapi"


def test_the_document_is_valid_openapi():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_paths_methods_and_media_types_match_the_app(app):
    described = {(method.upper(), path): operation for method, path, operation in OPERATIONS}
    routes = {(method, path): entry for path, methods in app.routes.items() for method, entry in methods.items()}
    assert described.keys() == routes.keys()
    for key, entry in routes.items():
        accepted = list(described[key].get("requestBody", {}).get("content", {}))
        assert accepted == entry.content_types[: len(accepted)]
        assert bool(accepted) == bool(entry.content_types)
        for other in entry.content_types[len(accepted) :]:
            assert f"`{other}` is accepted, too." in described[key]["requestBody"]["description"]


def test_every_guarded_operation_uses_the_one_security_scheme(app):
    assert [scheme["scheme"] for scheme in DOCUMENT["components"]["securitySchemes"].values()] == ["bearer"]
    [name] = DOCUMENT["components"]["securitySchemes"]
    for method, path, operation in OPERATIONS:
        authorizer = app.routes[path][method.upper()].authorizer
        assert operation["security"] == ([] if authorizer is None else [{name: []}])


def test_every_guarded_operation_states_which_tokens_it_accepts():
    by_authorizer = {Who.ANYONE: (), Who.SIGNED_IN: ("id",)}
    names = {"id": "an ID token", "access": "an access token"}
    for route in ROUTES:
        accepted = route.tokens or by_authorizer.get(route.who, ("id", "access"))
        description = DOCUMENT["paths"][route.path][route.method.lower()]["description"]
        _, _, tokens = description.partition(" Accepts ")
        assert tokens.removesuffix(".") == " or ".join(names[kind] for kind in accepted)


def test_every_operation_is_summarized_in_one_sentence():
    for _, _, operation in OPERATIONS:
        assert operation["summary"]
        assert "." not in operation["summary"].removesuffix("(OpenAPI 3.1)")


def test_a_route_that_names_an_unknown_schema_cannot_be_described(app, monkeypatch):
    monkeypatch.delitem(core.SCHEMAS, "Greeting")
    with pytest.raises(KeyError, match="Greeting"):
        document.build(app)


def test_every_problem_type_is_listed():
    listed = set(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"])
    assert listed >= {problem.type for problem in problems.OF_ERROR.values()}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
def test_every_response_has_an_example_that_matches_its_schema(method, path, operation):
    for status, response in operation["responses"].items():
        for media_type, content in resolve(response).get("content", {}).items():
            if operation["operationId"] == "get_description":
                continue  # the document itself would be the example
            if media_type.startswith(("image/", "text/")):
                assert content["schema"]["type"] == "string"  # a file
                continue
            examples = [one["value"] for one in content.get("examples", {}).values()] or [content.get("example")]
            assert examples != [None], (status, media_type)
            for example in examples:
                validator(json.dumps(content["schema"])).validate(example)


def test_it_tells_nothing_of_where_it_runs():
    assert not any(value in json.dumps(DOCUMENT) for value in parts.examples().values() if len(value) > 8)
