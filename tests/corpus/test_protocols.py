"""Released rules stay: what was recorded of a protocol is judged alike for ever, to the same roots, under every Python.

`protocol-1.json.gz` was recorded by `python tools/corpus.py`: random stories of a small bank with every event, most of the
refusals, and the header after each block.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from replaying import load, replay

from interpreters import second_python
from muniment.core.rules import events

FOLDER = Path(__file__).parent
CORPORA = sorted(FOLDER.glob("protocol-*.json.gz"))
NEVER_ADMITTED = {"protocol.upgraded"}
RULES = frozenset(
    [
        "about",
        "actor",
        "amendment",
        "approvals",
        "environment",
        "evaluations",
        "event-id",
        "expired",
        "from-index",
        "grade",
        "hold",
        "hold-role",
        "incident",
        "key",
        "licence",
        "matches",
        "member",
        "member-key",
        "model",
        "of",
        "old-value",
        "once",
        "organisation",
        "owner",
        "persons",
        "plan",
        "preserved",
        "protocol",
        "purpose",
        "recorded-version",
        "rejected",
        "replaces",
        "retired",
        "revoke",
        "role",
        "roles",
        "run",
        "running",
        "separation",
        "unknown",
        "unknown-ancestry",
        "waiver",
        "withdrawn",
    ]
)


@pytest.fixture(scope="module")
def stories() -> list[dict[str, Any]]:
    return [story for path in CORPORA for story in load(path)]


def test_every_verdict_and_every_root_is_the_recorded_one(stories: list[dict[str, Any]]) -> None:
    for story in stories:
        roots = replay(story)
        assert len(roots) == sum(1 for block in story["blocks"] if "header" in block)
        assert len(set(roots)) == len(roots)


def test_a_corpus_covers_its_protocol(stories: list[dict[str, Any]]) -> None:
    verdicts = [
        (_name(raw), verdict) for story in stories for block in story["blocks"] for raw, verdict in zip(*_pairs(block), strict=True)
    ]
    admitted = {name for name, verdict in verdicts if verdict[0] == "admitted"}
    assert set(events.TYPES) - admitted == NEVER_ADMITTED
    assert {rule for _, verdict in verdicts if verdict[0] == "refused" for rule in verdict[1:]} >= RULES
    assert any(verdict[0] == "repeated" for _, verdict in verdicts)
    protocols = {_header(block)["protocol"] for story in stories for block in story["blocks"] if "header" in block}
    assert protocols == {1}


def test_a_changed_verdict_is_noticed(stories: list[dict[str, Any]]) -> None:
    story = json.loads(json.dumps(stories[0]))
    block = next(block for block in story["blocks"] if block["verdicts"][0][0] == "admitted")
    block["verdicts"][0] = ["refused", "role"]
    with pytest.raises(AssertionError, match="recorded was"):
        replay(story)


@pytest.mark.parametrize("path", CORPORA, ids=lambda path: path.name)
def test_two_pythons_come_to_the_same_roots(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent.parent / "src"), "PYTHONHASHSEED": "random"}
    found = []
    for python in (sys.executable, second_python()):
        command = [python, "-W", "error", str(FOLDER / "replaying.py"), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert found[0] == found[1]


def _pairs(block: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    return block["entries"], block["verdicts"]


def _name(raw: str) -> str:
    payload = base64.b64decode(json.loads(base64.b64decode(raw))["payload"])
    return str(json.loads(payload)["predicateType"]).removeprefix("urn:muniment:event:").removesuffix(":v1")


def _header(block: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(base64.b64decode(block["header"]))
    return header
