"""A second implementation, written from docs/spec alone (tests/second), comes to the same bytes as the first."""

from __future__ import annotations

import importlib.util
import json
import random
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import makers
from cases import Case, decode64, each, load
from muniment.core.format import dsse, state_map, time
from muniment.core.rules import events
from muniment.core.rules.events import Event
from oracle.town import Town, play
from proving import Story
from second import forms, machine, vocabulary
from strategies import events as any_events


def entries_of(block: Case) -> list[bytes]:
    return [decode64(case["entry"]) for case in block["entries"]]


@pytest.fixture(scope="module")
def heights() -> list[machine.Ledger]:
    """The published ledger after each height, by the second implementation; every byte compared on the way."""
    blocks = load("ledger")["blocks"]
    ledger = machine.Ledger.found(decode64(blocks[0]["header"]["entry"]))
    found = [deepcopy(ledger)]
    for block in blocks[1:]:
        header, verdicts = ledger.run(block["time"], entries_of(block))
        assert [verdict["decision"] for verdict in verdicts] == ["admitted"] * len(block["entries"]), verdicts
        changed = {name: ledger.records[name] for name in block["records"]}
        assert changed == block["records"]
        assert header == decode64(block["header"]["entry"])
        assert forms.tree_root(ledger.leaves).hex() == block["root"]
        found.append(deepcopy(ledger))
    assert ledger.records == load("ledger")["records"]
    return found


def test_the_published_ledger_comes_out_byte_for_byte(heights: list[machine.Ledger]) -> None:
    assert len(heights) == len(load("ledger")["blocks"])
    assert heights[-1].id == load("ledger")["ledger"]


@each("refusals", "cases")
def test_the_same_is_refused(case: Case, heights: list[machine.Ledger]) -> None:
    ledger = deepcopy(heights[case["after"]])
    _, verdicts = ledger.run(case["time"], [decode64(text) for text in case["entries"]])
    assert verdicts == case["verdicts"]


def test_a_recorded_ledger_comes_out_byte_for_byte(tmp_path: Path) -> None:
    story = Story(tmp_path / "ledger.db")
    story.life.grow(60, block=7)
    with story.life.engine.view() as view:
        raws = [raw for _, raw in view.entries(0, view.size)]
    ledger, waiting = machine.Ledger.found(raws[0]), list[bytes]()
    for raw in raws[1:]:
        if raw.startswith(b'{"payload"'):
            waiting.append(raw)
            continue
        header, _ = ledger.run(json.loads(raw)["time"], waiting)
        assert header == raw
        waiting = []


def load_laws() -> ModuleType:
    """The laws of the state machine, for the random blocks that they play."""
    path = Path(__file__).resolve().parent.parent / "laws" / "test_chain_laws.py"
    spec = importlib.util.spec_from_file_location("chain_laws", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


laws = load_laws()


@settings(laws.quick, max_examples=12)
@given(given=laws.templates, seed=laws.seeds)
def test_random_blocks_come_out_byte_for_byte(given: Any, seed: int) -> None:
    stage = laws.Scene(random.Random(seed), laws.Machine())
    first = stage.machine
    ledger = machine.Ledger.found(first.entries[0])
    for raws in laws.tell(stage, given, 20):
        known = len(first.blocks)
        verdicts = laws.play(stage, raws)
        moment = time.format(time.parse(first.position.time) + (0 if len(first.blocks) > known else laws.machines.SECOND))
        header, found = ledger.run(moment, raws)
        assert [each.decision for each in verdicts] == [each["decision"] for each in found]
        for verdict, other in zip(verdicts, found, strict=True):
            assert verdict.index == other.get("index", -1)
            assert {reason.rule for reason in verdict.reasons} == set(other.get("rules", []))
        assert header == (first.entries[-1] if len(first.blocks) > known else b"")
    for name, record in ledger.records.items():
        assert first.replay.record(name) == forms.canonical(record)
    assert len(ledger.records) == len(first.replay.records)


def compare_town(seed: int, blocks: int = 60) -> set[str]:
    """A story in which environments ask for much, told to both; every reason is the same, in the same order."""
    town = Town(seed)
    first, said = town.chronicle, set[str]()
    ledger = machine.Ledger.found(first.entries[0])
    for _ in range(blocks):
        before, size = first.position, len(first.entries)
        judged = play(town)
        pause, raws = first.told[-1]
        header, found = ledger.run(time.format(time.parse(before.time) + pause), list(raws))
        for one, other in zip(judged, found, strict=True):
            rules = list(dict.fromkeys(reason.rule for reason in one.verdict.reasons))
            assert (one.verdict.decision, one.verdict.index) == (other["decision"], other.get("index", -1)), one.entry.event
            assert rules == other.get("rules", []), one.entry.event
            said.update(rules)
        assert header == (first.entries[-1] if len(first.entries) > size else b"")
    assert all(first.replay.record(name) == forms.canonical(record) for name, record in ledger.records.items())
    return said


@pytest.mark.parametrize("seed", range(4))
def test_a_town_with_a_policy_comes_out_byte_for_byte(seed: int) -> None:
    compare_town(seed)


@pytest.mark.parametrize(("walk", "block", "rule"), [(2, 5, "ancestry-limit"), (3, 2, "ancestry-block-limit")])
def test_both_stop_at_the_same_limits(walk: int, block: int, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("muniment.core.rules.ancestry.MAX_THINGS", "second.ancestry.MOST"):
        monkeypatch.setattr(place, walk)
    for place in ("muniment.core.rules.effects.deployment.MAX_THINGS_OF_BLOCK", "second.effects.MOST_OF_BLOCK"):
        monkeypatch.setattr(place, block)
    assert rule in {each for seed in range(6) for each in compare_town(seed, 40)}


@given(any_events(ledger="1" * 64, actor="ada"))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_event_has_the_same_streams_and_subject(event: Event) -> None:
    payload = events.encode(event)
    statement = json.loads(payload)
    predicate = statement["predicate"]
    assert sorted({"acts/ada", *vocabulary.own_streams(event.NAME, predicate)}) == list(events.streams(event))
    assert statement["subject"] == vocabulary.subjects(event.NAME, predicate)
    assert forms.canonical(statement) == payload
    entry = dsse.encode(dsse.sign(payload, makers.ADA))
    assert forms.open_envelope(entry) == (makers.ADA.public_key.hex(), payload)
    assert forms.leaf(entry)


@given(st.dictionaries(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_map_has_the_same_root(leaves: dict[bytes, bytes]) -> None:
    assert forms.map_root(leaves) == state_map.bulk(sorted(leaves.items()))
