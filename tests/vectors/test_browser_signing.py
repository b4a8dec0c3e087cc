"""What pages sign is what the program signs: the same inputs give the same bytes, from the statement to the entry."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cases import Case
from muniment.client import key_request
from muniment.client.drafting import Plain, draft
from muniment.core.format import dsse, statement
from muniment.core.format import time as times
from muniment.core.format.encoding import Value
from muniment.core.format.statement import SALT_BYTES, Sealed
from muniment.core.rules import events, genesis
from muniment.errors import InvalidInput
from muniment.ledger import ids
from muniment.ledger.signers import SeedSigner
from muniment.server import scripts
from scripting import RUNNER, SECONDS

STATIC = Path(scripts.__file__).parent / "explorer" / "static"
LEDGER = "1" * 64
ORIGIN = "example.com/credit"
EVENT_ID = "01a2087d-0eff-7425-8aed-f90052ffb28c"
LAST_MS = 253_402_300_799_999

segments = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
# Whatever a person may type, but for halves of characters, which the form refuses.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
moments = st.integers(0, LAST_MS)
seeds = st.binary(min_size=32, max_size=32)
kinds = st.sampled_from(["organisation", "person", "service"])
salts = st.lists(st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES), min_size=2, max_size=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts as a browser gets them."""
    made = tmp_path_factory.mktemp("static")
    for name in ("drafting.js", "key_request.js"):
        shutil.copy(STATIC / name, made / name)
    (made / "verify.js").write_text(scripts.join(module=True), encoding="utf-8")
    (made / "package.json").write_text('{"type": "module"}')
    return made


def run(folder: Path, cases: Sequence[Case]) -> list[Case]:
    """What became of each case."""
    node = shutil.which("node")
    assert node is not None, "what pages sign is compared under Node (20 or newer): install it"
    command = [node, "--no-warnings", str(RUNNER.parent / "sign.mjs"), str(folder)]
    done = subprocess.run(command, input=json.dumps(list(cases)).encode(), capture_output=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr.decode()
    found: list[Case] = json.loads(done.stdout)
    return found


@st.composite
def drafts(draw: st.DrawFn) -> Case:
    """A decision or an admission as a page has it: what is said in clear, what is to be sealed, the salts, the seed of the key."""
    milliseconds, random, seed = draw(moments), draw(st.binary(min_size=10, max_size=10)), draw(seeds)
    name = draw(st.sampled_from(["approval.decided", "actor.enrolled", "key.changed"]))
    fields: dict[str, Any] = {
        "ledger": LEDGER,
        "eventId": "0" * 8 + "-0000-7000-8000-" + random.hex()[:12],
        "occurredAt": times.format(milliseconds * 1_000),
        "actor": draw(segments),
    }
    prose = {"reason": draw(texts)}
    if name == "approval.decided":
        fields["of"] = {"version": draw(digests), "environment": draw(segments)}
        fields["decision"] = draw(st.sampled_from(["approve", "conditional", "reject", "revoke"]))
        fields |= {"revokes": EVENT_ID} if fields["decision"] == "revoke" else {}
        fields["meaning"] = draw(st.sampled_from(["approval", "authorship", "responsibility", "review"]))
        fields |= {"expiresAt": times.format(draw(moments) * 1_000)} if draw(st.booleans()) else {}
        prose["conditions"] = draw(texts)
    else:
        fields["of"] = draw(segments)
        proof = genesis.prove_key(ORIGIN, fields["of"], SeedSigner(seed))
        if name == "key.changed":
            fields |= {"change": "add", "key": proof.key, "proof": proof.proof}
        else:
            fields |= {"kind": "person", "roles": sorted(draw(st.sets(segments, min_size=1, max_size=4)))}
            fields["keys"] = [{"key": proof.key, "proof": proof.proof}]
    return {"name": name, "fields": fields, "prose": prose, "salts": draw(salts), "seed": seed}


def ask(given: Case) -> Case:
    """The same for the runner."""
    return {
        "run": "event",
        **{key: given[key] for key in ("name", "fields", "prose")},
        "salts": [salt.hex() for salt in given["salts"]],
        "seed": given["seed"].hex(),
        "key": SeedSigner(given["seed"]).public_key.hex(),
    }


def write(given: Case) -> Case:
    """What the program makes of it."""
    openings: list[Case] = []
    left = list(given["salts"])

    def seal(values: Iterable[Value]) -> tuple[Sealed, ...]:
        return tuple(commit(value, left.pop(0)) for value in values)

    def commit(value: Value, salt: bytes) -> Sealed:
        sealed = statement.seal(value, salt)
        openings.append({"salt": statement.disclose(value, salt).salt, "sealed": sealed.sealed, "value": value})
        return sealed

    fields: dict[str, Plain] = {**given["fields"], **{field: text for field, text in given["prose"].items() if text}}
    payload = events.encode(draft(given["name"], fields, seal))
    entry = dsse.encode(dsse.sign(payload, SeedSigner(given["seed"])))
    return {"payload": payload.decode(), "openings": openings, "entry": entry.decode()}


@given(listed=st.lists(drafts(), min_size=40, max_size=40))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
def test_the_same_inputs_are_the_same_entry(folder: Path, listed: list[Case]) -> None:
    for case, found in zip(listed, run(folder, [ask(each) for each in listed]), strict=True):
        assert found == {"gave": write(case)}, case


@given(
    listed=st.lists(st.tuples(segments, seeds, st.sampled_from(["organisation", "person", "service"])), min_size=30, max_size=30)
)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
def test_the_line_of_a_request_is_the_program_s(folder: Path, listed: list[tuple[str, bytes, Any]]) -> None:
    asked = [key_request.make(ORIGIN, actor, kind, SeedSigner(seed)) for actor, seed, kind in listed]
    cases: list[Case] = [
        {
            "run": "request",
            "asked": {"actor": each.actor, "key": each.key, "kind": each.kind, "origin": ORIGIN},
            "seed": seed.hex(),
        }
        for each, (_, seed, _) in zip(asked, listed, strict=True)
    ]
    lines = [str(found["gave"]) for found in run(folder, cases)]
    assert [key_request.parse(line) for line in lines] == asked
    assert lines == [key_request.format(each) for each in asked]
    read = run(folder, [{"run": "read", "line": line} for line in lines])
    assert [found["gave"]["key"] for found in read] == [each.key for each in asked]
    prints = run(folder, [{"run": "fingerprint", "key": each.key} for each in asked])
    assert [found["gave"] for found in prints] == [each.fingerprint for each in asked]


def spoil(line: str) -> list[str]:
    """Requests that nobody may believe."""
    body = json.loads(base64.urlsafe_b64decode(line.removeprefix(key_request.PREFIX) + "=="))

    def again(**changes: object) -> str:
        raw = json.dumps({**body, **changes}, sort_keys=True, separators=(",", ":")).encode()
        return key_request.PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return [
        line[len("muniment") :],
        line[:-2],
        line + "=",
        again(actor="somebody"),
        again(origin="example.com/other"),
        again(key="0" * 64),
        again(kind="owner"),
        again(more="x"),
        again(actor="a b"),
        again(proof="A" * 86 + "=="),
        line + "A" * 3_000,
    ]


def test_a_spoiled_request_is_refused_by_both(folder: Path) -> None:
    spoiled = spoil(key_request.format(key_request.make(ORIGIN, "ben", "person", SeedSigner(b"k" * 32))))
    for line, found in zip(spoiled, run(folder, [{"run": "read", "line": line} for line in spoiled]), strict=True):
        with pytest.raises(InvalidInput):
            key_request.parse(line)
        assert found.get("failed"), line


def test_ids_and_times_are_the_program_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [(each, os.urandom(10)) for each in (0, 1, 2**32 - 1, 2**32, 1_772_625_600_123, LAST_MS)]
    found = run(folder, [{"run": "id", "milliseconds": each, "random": random.hex()} for each, random in given])
    for (each, random), made in zip(given, found, strict=True):
        monkeypatch.setattr(time, "time_ns", lambda each=each: each * 1_000_000)
        monkeypatch.setattr(os, "urandom", lambda size, random=random: random)
        assert made == {"gave": ids.new_event_id()}
    found = run(folder, [{"run": "time", "milliseconds": each} for each, _ in given])
    assert [made["gave"] for made in found] == [times.format(each * 1_000) for each, _ in given]


def test_what_is_no_event_is_refused_before_it_is_shown(folder: Path) -> None:
    fields = {"ledger": LEDGER, "eventId": "0" * 8 + "-0000-7000-8000-" + "0" * 12, "occurredAt": times.format(0), "actor": "ben"}
    decision = {"of": {"version": "2" * 64, "environment": "production"}, "decision": "approve", "meaning": "approval"}
    wrong = ({"decision": "perhaps"}, {"actor": "b n"}, {"of": {"version": "2" * 64}}, {"expiresAt": "tomorrow"}, {"extra": 1})
    key = SeedSigner(b"k" * 32).public_key.hex()
    case = {"run": "event", "name": "approval.decided", "prose": {}, "salts": [], "seed": (b"k" * 32).hex(), "key": key}
    good, *bad = run(folder, [{**case, "fields": {**fields, **decision, **each}} for each in ({}, *wrong)])
    assert "gave" in good
    assert {each["code"] for each in bad} == {"schema", "one-form"}
