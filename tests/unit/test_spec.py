"""The specification names what the code does: codes, fields, events, pages. What it says of them is tested by the vectors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.proof import answer, bundle, evidence
from muniment.core.rules import ancestry, events, policy, records, requirements
from muniment.core.rules.events.declarative import Declarative
from muniment.core.rules.events.schema import fields_of

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SPEC = REPOSITORY / "docs" / "spec"
CORE = REPOSITORY / "src" / "muniment" / "core"


def read(page: str) -> str:
    return (SPEC / page).read_text(encoding="utf-8")


def codes_of_failures() -> Iterator[str]:
    """Every code that a failed verification can have: of `VerificationError(..., code=...)` and of what makes one."""
    for path in sorted(CORE.rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", "")
            given = [word.value for word in call.keywords if word.arg == "code"] if name == "VerificationError" else []
            given += call.args[:1] if name in ("_failure", "failure") else []
            yield from (str(value.value) for value in given if isinstance(value, ast.Constant))


def test_the_table_of_pages_is_whole() -> None:
    listed = re.findall(r"\]\(([0-9]+-[a-z-]+\.md)\)", read("README.md"))
    assert listed == sorted((path.name for path in SPEC.glob("[0-9]*.md")), key=lambda name: int(name.split("-")[0]))


def test_every_failure_is_in_the_table() -> None:
    rows = re.findall(r"^\| [0-9]+ \| (.*?) \|", read("10-proofs.md").partition("## 10.6")[2], re.MULTILINE)
    named = {code for row in rows for code in re.findall(r"`([a-z0-9-]+)`", row)}
    # Of a checkpoint opened without a trust file, of tiles, and of a foreign manifest: none of them is a step of a proof.
    elsewhere = {"log-origin", "inclusion-edge", "inclusion-entry", "inclusion-tile", "oms-mismatch"}
    assert sorted(set(codes_of_failures()) - named - elsewhere) == []


def test_every_code_in_the_table_is_real() -> None:
    rows = re.findall(r"^\| [0-9]+ \| (.*?) \|", read("10-proofs.md").partition("## 10.6")[2], re.MULTILINE)
    named = {code for row in rows for code in re.findall(r"`([a-z0-9-]+)`", row)}
    made = {f"split-view-{kind}" for kind in evidence.Kind.__args__} | {
        f"file-proof-{part}" for part in ("index", "length", "root")
    }
    source = "".join(path.read_text(encoding="utf-8") for path in CORE.rglob("*.py"))
    assert sorted(code for code in named - made if f'"{code}"' not in source) == []


def test_every_rule_is_on_its_page() -> None:
    named = set(re.findall(r"rule `([a-z-]+)`", read("6-rules.md")))
    used = set()
    for path in (CORE / "rules").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'refuse\(\s*"([a-z-]+)"', text)) | set(re.findall(r'rule="([a-z-]+)"', text))
    # Those that hang on what is found: each is the name of a waivable rule or a limit of the walk.
    assert named == used | set(requirements.WAIVABLE) - {"gate"} | {ancestry.LIMIT, ancestry.BLOCK_LIMIT}


def test_every_event_has_its_effect_and_its_streams() -> None:
    declarative = {each.NAME for each in events.TYPES.values() if issubclass(each, Declarative)}
    for page in ("6-rules.md", "12-vocabulary.md"):
        rows = {
            name
            for row in re.findall(r"^\| (`.*?) \|", read(page), re.MULTILINE)
            for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", row)
        }
        assert set(events.TYPES) - declarative <= rows
        assert rows <= set(events.TYPES)
        assert "all other declarative events" in read(page)


STREAMS = {
    "actor/<id>": records.Actor,
    "key/<keyid>": records.Key,
    "policy": records.PolicyInForce,
    "protocol": records.Protocol,
    "dataset/<name>": records.Dataset,
    "data/<sha256>": records.Data,
    "run/<eventId>": records.Run,
    "model/<name>": records.Model,
    "version/<sha256>": records.Version,
    "plan/<eventId>": records.Plan,
    "evaluation/<eventId>": records.Evaluation,
    "approval/<eventId>": records.Approval,
    "waiver/<eventId>": records.Waiver,
    "incident/<eventId>": records.Incident,
    "deployment/<environment>/<name>": records.Deployment,
    'parameter/<of>/<sha256 of target "/" path>': records.Parameter,
    "amendment/<eventId of the target>": records.Amendment,
    "members": records.Consortium,
    "member/<organisation>": records.Membership,
    "validator/<address>": records.ValidatorKey,
    "cosigner/<key>": records.CosignerKey,
    "link/<ledger id>": records.Link,
}


def test_every_state_is_listed_with_its_fields() -> None:
    assert set(STREAMS.values()) | {records.State} == {records.State, *records.State.__subclasses__()}
    rows = dict(re.findall(r"^\| `([^|`]+)` \| (.*) \|$", read("7-records.md"), re.MULTILINE))
    for stream, kind in STREAMS.items():
        # What follows a colon explains values.
        fields = [field for field in re.sub(r": .*?(?=, [a-z]|$)", "", rows[stream]).split(", ") if field]
        names = [re.sub(r"[?]?( = .*)?$", "", field) for field in fields]
        encoded = list(kind.__struct_encode_fields__)
        assert sorted(set(names) & set(encoded)) == sorted(encoded), stream
        required = {field.encode_name for field in fields_of(kind) if field.required}
        for field, name in zip(fields, names, strict=True):
            assert name not in encoded or (name in required) == ("?" not in field and " = " not in field), (stream, field)


@pytest.mark.parametrize(
    ("page", "kinds"),
    [
        ("10-proofs.md", (answer.Answer, answer.Included, answer.History, answer.Link, answer.Opened, answer.Result)),
        ("11-trust.md", (bundle.Bundle, bundle.Evidenced, bundle.Signpost, evidence.Evidence, evidence.Pin)),
        ("6-rules.md", (policy.Policy, policy.Environment, policy.DataTerms, policy.Threshold, policy.Role)),
        ("6-rules.md", (policy.Agreement, policy.Approvals)),
    ],
)
def test_every_field_of_a_file_is_named(page: str, kinds: tuple[type, ...]) -> None:
    text = read(page)
    for kind in kinds:
        for field in kind.__struct_encode_fields__:  # type: ignore[attr-defined]
            assert re.search(rf'[`"]{field}[`"]', text), (kind.__name__, field)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{answer.MAX_ANSWER_BYTES // 2**20} MiB" in read("10-proofs.md")
    assert f"{bundle.MAX_BUNDLE_BYTES // 2**20} MiB" in read("11-trust.md")
    assert f"{evidence.MAX_EVIDENCE_BYTES // 2**20} MiB" in read("11-trust.md")
    assert f"{records.MAX_SET_BYTES:,} bytes" in read("7-records.md")
