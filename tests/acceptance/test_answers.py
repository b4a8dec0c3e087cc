"""An answer made on one machine holds on another that has nothing but the trust file; a cheat does not, and is called by name.

One event dropped from a complete history, an old header offered as the newest one, and an absence shown with the proof of a
neighbour's key: exit code 3, each with its own code.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

import credit
from muniment import config
from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.core.format import state_map
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import Answer, StateQuestion
from muniment.ledger import prover

COMMAND = Path(sys.executable).with_name("muniment")
QUESTIONS: Mapping[str, Callable[[Ledger], Proved]] = {
    "history of a model": lambda ledger: ledger.history("model/credit-risk"),
    "history of a version": lambda ledger: ledger.history("credit-risk@1"),
    "history of a data set": lambda ledger: ledger.history("dataset/loans"),
    "history of a deployment": lambda ledger: ledger.history(credit.PLACE),
    "history of an actor": lambda ledger: ledger.history(f"actor/{ledger.actor}"),
    "impact": lambda ledger: ledger.impact("loans"),
    "lineage up": lambda ledger: ledger.lineage("credit-risk@2"),
    "lineage down": lambda ledger: ledger.lineage("loans@1", "down"),
    "blame": lambda ledger: ledger.blame("credit-risk@1", "threshold", "threshold"),
    "diff": lambda ledger: ledger.diff("credit-risk@1", "credit-risk@2"),
    "approved": lambda ledger: ledger.claim("approved", "credit-risk@1", "production"),
    "not approved": lambda ledger: ledger.claim("not-approved", "credit-risk@2", "production"),
    "never deployed": lambda ledger: ledger.claim("never-deployed", "credit-risk@1", "staging"),
    "not on hold": lambda ledger: ledger.claim("not-on-hold", "credit-risk@1"),
    "at": lambda ledger: ledger.at(credit.PLACE, "now"),
    "absent": lambda ledger: ledger.prove_absent("model/fraud"),
}


class Machines:
    """Here a ledger is kept; there somebody has its trust file and whatever he is handed."""

    def __init__(self, folder: Path) -> None:
        self.there = folder / "there"
        self.there.mkdir()
        self.ledger = opening.found(config.resolve({"XDG_STATE_HOME": str(folder), "MUNIMENT_ACTOR": "alice"}, folder, {}))
        shutil.copy(self.ledger.home / "trust.toml", self.there)

    def verify(self, raw: bytes) -> tuple[int, Any]:
        """What the command on the other machine makes of a file: its exit code and its JSON."""
        (self.there / "answer.json").write_bytes(raw)
        line = [str(COMMAND), "verify", "answer.json", "--trust", "trust.toml", "--json"]
        home = {"HOME": str(self.there), "PATH": str(COMMAND.parent)}
        done = subprocess.run(line, cwd=self.there, env=home, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    folder = tmp_path_factory.mktemp("machines")
    made = Machines(folder)
    credit.live(made.ledger, folder)
    return made


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_holds_where_only_the_trust_file_is(machines: Machines, name: str) -> None:
    proved = QUESTIONS[name](machines.ledger)
    code, found = machines.verify(proved.raw)
    assert code == 0, found
    text = json.dumps(found)
    assert '"tier": "solo"' in text
    assert '"basis": "asserted"' in text


@pytest.mark.parametrize("name", QUESTIONS)
def test_another_question_is_not_answered_by_the_same_proof(machines: Machines, name: str) -> None:
    """The claim that the file makes of itself is worth nothing: another height than what was proved fails."""
    answer = answers.decode(QUESTIONS[name](machines.ledger).raw)
    later = msgspec.structs.replace(answer.result, height=answer.result.height + 1)
    code, found = machines.verify(answers.encode(msgspec.structs.replace(answer, result=later)))
    assert (code, found["error"]["code"]) == (3, "result")


def test_an_event_dropped_from_a_complete_history(machines: Machines) -> None:
    answer = answers.decode(machines.ledger.history(credit.PLACE).raw)
    assert len(answer.streams[0].indices) == 2
    dropped = answer.streams[0].indices[0]
    shorter = msgspec.structs.replace(answer.streams[0], indices=answer.streams[0].indices[1:])
    forged = msgspec.structs.replace(
        answer, streams=(shorter,), events=tuple(each for each in answer.events if each.index != dropped)
    )
    code, found = machines.verify(answers.encode(forged))
    assert (code, found["error"]["code"]) == (3, "history-count")


def test_an_event_in_the_place_of_another(machines: Machines) -> None:
    ledger = machines.ledger
    answer = answers.decode(ledger.history(credit.PLACE).raw)
    other = next(each for each in answers.decode(ledger.history("credit-risk@1").raw).events if each.index == 7)
    dropped = answer.streams[0].indices[0]
    indices = tuple(sorted([*answer.streams[0].indices[1:], 7]))
    assert dropped != 7
    swapped = msgspec.structs.replace(answer.streams[0], indices=indices)
    kept = [each for each in answer.events if each.index != dropped]
    events = tuple(sorted([*kept, other], key=lambda each: each.index))
    code, found = machines.verify(answers.encode(msgspec.structs.replace(answer, streams=(swapped,), events=events)))
    assert (code, found["error"]["code"]) == (3, "history-order")


def test_an_old_header_offered_as_current(machines: Machines) -> None:
    """Before the first deployment there was none. Its old header is still in the tree, and is not the last entry of it."""
    ledger = machines.ledger
    old = answers.decode(ledger.claim("not-on-hold", "credit-risk@2").raw)
    header = old.entries[-1].index
    ledger.record(
        "incident.recorded",
        {
            "severity": "high",
            "awareAt": "2026-11-23T12:00:00.000000Z",
            "version": ledger.digest_of("credit-risk@2", "version"),
            "hold": True,
        },
    )
    assert not ledger.claim("not-on-hold", "credit-risk@2").findings.holds
    assert machines.verify(answers.encode(old))[0] == 0, "as of its own block it is true, and says so"
    with ledger.view() as view:
        entries = [msgspec.structs.replace(each, proof=tuple(view.inclusion(each.index, view.size))) for each in old.entries]
        forged = msgspec.structs.replace(
            old,
            entries=tuple(entries),
            genesis=tuple(view.inclusion(0, view.size)),
            receipt=receipts.format(prover.prove_receipt(view, header)),
        )
    code, found = machines.verify(answers.encode(forged))
    assert (code, found["error"]["code"]) == (3, "header-last")


def test_an_absence_shown_with_the_proof_of_a_neighbours_key(machines: Machines) -> None:
    """What proves that one stream is absent proves nothing of another one, present or absent."""
    answer = answers.decode(machines.ledger.prove_absent("model/fraud").raw)
    elsewhere = next(name for number in range(1_000) if not _is_on_its_way(answer, name := f"model/other-{number}"))
    for stream in ("model/credit-risk", elsewhere):
        code, found = machines.verify(answers.encode(_rename(answer, stream)))
        assert (code, found["error"]["code"]) == (3, "state-absence")


def _rename(answer: Answer, stream: str) -> Answer:
    renamed = [msgspec.structs.replace(each, name=stream) if each.name == "model/fraud" else each for each in answer.states]
    states = tuple(sorted(renamed, key=lambda each: each.name))
    return msgspec.structs.replace(answer, question=StateQuestion(streams=(stream,)), states=states)


def _is_on_its_way(answer: Answer, stream: str) -> bool:
    """Whether the walk to this key ends at the same leaf: then the same proof shows, rightly, that it is absent too."""
    proof = next(each for each in answer.states if each.name == "model/fraud")
    key, other = state_map.key(stream), bytes.fromhex(proof.other.key)  # type: ignore[union-attr]
    return all((key[depth // 8] ^ other[depth // 8]) >> (7 - depth % 8) & 1 == 0 for depth in proof.depths)
