"""Our OpenSSF Model Signing statement against the specification's own schemas and bundles (vectors `model-signing/`).

The bundles under `invalid/` are broken as containers (Sigstore bundle and signature), which Muniment keeps as blobs and never
opens: for them it is only shown here that they hold no statement that could reach us, or fail the schema that rules containers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from muniment.core.format import manifest, oms
from muniment.core.format.manifest import Line
from muniment.errors import InvalidInput

Schema = dict[str, Any]


class Schemas:
    """As much of JSON Schema 2020-12 as these four schemas use; any other keyword is an error of this test."""

    IGNORED = frozenset({"$schema", "$id", "$defs", "title", "description"})

    def __init__(self, folder: Path) -> None:
        self._by_id = {(schema := json.loads(path.read_text()))["$id"]: schema for path in sorted(folder.iterdir())}

    def accepts(self, name: str, value: object) -> bool:
        document = self._by_id[f"https://model_signing/{name}/v1.0/schema"]
        return self._fits(document, value, document)

    def _fits(self, schema: Schema, value: object, document: Schema) -> bool:
        if "$ref" in schema:
            return self._follow(schema["$ref"], value, document)
        checks = schema.keys() - self.IGNORED - {"then"}
        return all(self._check(key, schema, value, document) for key in checks)

    def _follow(self, address: str, value: object, document: Schema) -> bool:
        if address.startswith("#/"):
            target: Any = document
            for key in address[2:].split("/"):
                target = target[key]
            return self._fits(target, value, document)
        return self._fits(self._by_id[address], value, self._by_id[address])

    def _check(self, key: str, schema: Schema, value: Any, document: Schema) -> bool:
        rule = schema[key]
        match key:
            case "type":
                kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
                allowed = [rule] if isinstance(rule, str) else rule
                return any(value is None if kind == "null" else isinstance(value, kinds[kind]) for kind in allowed)
            case "const":
                return bool(value == rule)
            case "enum":
                return value in rule
            case "pattern":
                return re.search(rule, value) is not None
            case "minLength" | "minItems" | "minProperties":
                return len(value) >= rule
            case "maxItems":
                return len(value) <= rule
            case "exclusiveMinimum":
                return bool(value > rule)
            case "required":
                return isinstance(value, dict) and all(name in value for name in rule)
            case "properties":
                return all(self._fits(inner, value[name], document) for name, inner in rule.items() if name in value)
            case "additionalProperties":
                others = [value[name] for name in value.keys() - schema.get("properties", {}).keys()]
                return not others if rule is False else rule is True or all(self._fits(rule, one, document) for one in others)
            case "items":
                return all(self._fits(rule, one, document) for one in value)
            case "anyOf":
                return any(self._fits(one, value, document) for one in rule)
            case "oneOf":
                return sum(self._fits(one, value, document) for one in rule) == 1
            case "if":
                return not self._fits(rule, value, document) or self._fits(schema.get("then", {}), value, document)
        raise AssertionError(f"this test does not know the keyword {key}")


@pytest.fixture(scope="module")
def vectors(shared_vectors: Path) -> Path:
    return shared_vectors / "model-signing"


@pytest.fixture(scope="module")
def schemas(vectors: Path) -> Schemas:
    return Schemas(vectors / "schema")


def payload(bundle: Path) -> bytes:
    return base64.b64decode(json.loads(bundle.read_text())["dsseEnvelope"]["payload"])


VALID = ["certificate.bundle.json", "key.bundle.json", "sigstore.bundle.json"]


def test_no_vector_is_forgotten(vectors: Path) -> None:
    assert sorted(path.name for path in (vectors / "valid").iterdir()) == VALID
    assert [path.name for path in (vectors / "invalid-payload").iterdir()] == ["wrong-predicate.bundle.json"]
    assert len(list((vectors / "invalid").iterdir())) == 4
    assert len(list((vectors / "schema").iterdir())) == 4


@pytest.mark.parametrize("name", VALID)
def test_the_statement_of_every_valid_bundle_is_read_and_its_digest_recomputed(vectors: Path, name: str) -> None:
    raw = payload(vectors / "valid" / name)
    value = json.loads(raw)
    statement = oms.decode(raw)
    assert statement.name == value["subject"][0]["name"]
    assert oms.subject_digest(statement.resources).hex() == value["subject"][0]["digest"]["sha256"]
    assert set(statement.ignored) == set(value["predicate"]["serialization"]["ignore_paths"])
    ours = manifest.build([Line(resource.name, resource.digest, 0) for resource in statement.resources])
    oms.check(statement, ours)
    built = oms.build(ours, name=statement.name, ignored=statement.ignored)
    assert built.resources == statement.resources
    again = json.loads(oms.encode(built))
    assert {**again, "predicate": None} == {**value, "predicate": None}
    assert again["predicate"]["resources"] == value["predicate"]["resources"]
    for statement_value in (again, value):
        statement_value["predicate"]["serialization"]["ignore_paths"].sort()
    assert again["predicate"] == value["predicate"]


def test_the_statement_of_a_wrong_predicate_is_refused(vectors: Path, schemas: Schemas) -> None:
    raw = payload(vectors / "invalid-payload" / "wrong-predicate.bundle.json")
    assert not schemas.accepts("statement", json.loads(raw))
    with pytest.raises(InvalidInput) as caught:
        oms.decode(raw)
    assert caught.value.code == "oms-schema"


@pytest.mark.parametrize("name", VALID)
def test_the_reader_of_schemas_above_accepts_the_valid_bundles(vectors: Path, schemas: Schemas, name: str) -> None:
    assert schemas.accepts("bundle", json.loads((vectors / "valid" / name).read_text()))
    assert schemas.accepts("statement", json.loads(payload(vectors / "valid" / name)))


@pytest.mark.parametrize("name", ["empty", "missing-envelope", "missing-tlog-entries", "missing-verification-material"])
def test_broken_containers_fail_before_a_statement_is_read(vectors: Path, schemas: Schemas, name: str) -> None:
    raw = (vectors / "invalid" / f"{name}.bundle.json").read_bytes()
    with pytest.raises(InvalidInput):
        oms.decode(raw)
    assert not raw or not schemas.accepts("bundle", json.loads(raw))


def test_what_we_write_fits_the_schemas(schemas: Schemas) -> None:
    lines = [Line(path, hashlib.sha256(path.encode()).hexdigest(), 1) for path in ("a/b", "a.txt", "größe.bin")]
    for ignored in (oms.IGNORED, ()):
        value = json.loads(oms.encode(oms.build(manifest.build(lines), name="model", ignored=ignored)))
        assert schemas.accepts("statement", value)
        assert schemas.accepts("predicate", value["predicate"])
        del value["predicate"]["serialization"]["method"]
        assert not schemas.accepts("statement", value)
