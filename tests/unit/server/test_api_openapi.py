"""The description of the API is whole and true: every route is in it, every answer fits it, and a stranger can read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

import nodes
import serving
from muniment.server.glossary import TAGS
from muniment.server.problems import STATUSES
from nodes import Node, body

METHODS = {"get", "put", "post", "delete", "head"}
OPEN = {"/v1/openapi.json", "/v1/identity"}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        with nodes.node(folder / "node", lived=True) as served:
            yield served


@pytest.fixture(scope="module")
def document(node: Node) -> Json:
    with serving.nobody(node.client):
        answer = node.client.get("/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document: Json = answer.json()
    return document


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_every_route_under_v1_is_described(node: Node, document: Json) -> None:
    described = {(path, method) for path, method, _ in operations(document)}
    for route in node.client.litestar.routes:
        path = re.sub(r"\{([a-z_]+):[a-z]+\}", r"{\1}", route.path)
        if not path.startswith("/v1/") or path.endswith("{rest}"):
            continue
        methods = {str(each).lower() for each in getattr(route, "methods", {"get"})} & METHODS
        found = {method for known, method in described if known == path}
        assert found == methods or not getattr(route, "route_handlers", None), path
        assert found, path


def test_every_operation_says_what_it_does_and_what_can_come(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].endswith("."), where
        assert set(operation["tags"]) <= set(TAGS), where
        told = set(operation["responses"])
        assert {"400", "401", "403", "404", "429", "500", "503"} <= told, where
        assert (operation.get("security") == []) == (path in OPEN), where
        for status, response in operation["responses"].items():
            assert response["description"], where
            if status[0] in "45":
                # What is too large is refused by server.limits, before there is an error of the tree.
                assert int(status) in (*STATUSES, 413), where
                assert method == "head" or list(response["content"]) == ["application/problem+json"], where
        assert {each["name"] for each in operation["parameters"] if each["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas
    for name in schemas:
        jsonschema_rs.validator_for(schema_of(document, {"$ref": f"#/components/schemas/{name}"}))


ANSWERED = (
    ("/v1/view", "/v1/view?from=3"),
    ("/v1/ledger", "/v1/ledger"),
    ("/v1/trust", "/v1/trust?from=3"),
    ("/v1/entries/{index}", "/v1/entries/7"),
    ("/v1/entries/{index}/decoded", "/v1/entries/7/decoded"),
    ("/v1/entries/{index}/decoded", "/v1/entries/2/decoded"),
    ("/v1/headers/{height}", "/v1/headers/0"),
    ("/v1/heights", "/v1/heights?time=2001-01-01"),
    ("/v1/proofs/inclusion", "/v1/proofs/inclusion?index=3"),
    ("/v1/records/{stream}", "/v1/records/model/credit-risk"),
    ("/v1/records/{stream}", "/v1/records/model/nothing"),
    ("/v1/prove", "/v1/prove?thing=credit-risk&disclose=true"),
    ("/v1/history", "/v1/history?of=credit-risk"),
    ("/v1/events", "/v1/events"),
    ("/v1/events/{index}", "/v1/events/1"),
    ("/v1/streams/{stream}", "/v1/streams/model/credit-risk"),
    ("/v1/search", "/v1/search?q=credit-risk"),
    ("/v1/models", "/v1/models"),
    ("/v1/models/{model}/versions", "/v1/models/credit-risk/versions"),
    ("/v1/models/{model}/plans", "/v1/models/credit-risk/plans"),
    ("/v1/datasets/{name}/versions", "/v1/datasets/loans/versions"),
    ("/v1/deployments", "/v1/deployments"),
    ("/v1/actors", "/v1/actors"),
    ("/v1/keys", "/v1/keys"),
    ("/v1/policy", "/v1/policy"),
    ("/v1/environments", "/v1/environments"),
    ("/v1/models", "/v1/nothing"),
    ("/v1/search", "/v1/search?q="),
)


@pytest.mark.parametrize(("path", "address"), ANSWERED)
def test_an_answer_fits_its_schema(node: Node, document: Json, path: str, address: str) -> None:
    answer = node.client.get(address)
    check(document, document["paths"][path]["get"], answer.status_code, answer.headers["content-type"], answer.content)


def test_what_is_submitted_fits_its_schema_and_so_does_the_answer(node: Node, document: Json) -> None:
    content = body(node.sign())
    for path in ("/v1/judgements", "/v1/entries"):
        operation = document["paths"][path]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for(schema_of(document, schema)).validate(json.loads(content))
        answer = node.client.post(path, content=content)
        check(document, operation, answer.status_code, answer.headers["content-type"], answer.content)


def check(document: Json, operation: Json, status: int, media: str, content: bytes) -> None:
    schema = operation["responses"][str(status)]["content"][media]["schema"]
    jsonschema_rs.validator_for(schema_of(document, schema)).validate(msgspec.json.decode(content))


def schema_of(document: Json, schema: Json) -> Json:
    """A schema with everything that it may refer to."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], **schema}
