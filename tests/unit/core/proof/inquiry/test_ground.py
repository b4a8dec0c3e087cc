"""An operator whose records name entries that are something else: no question takes them for what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

import family as told
import proving
from family import Family
from muniment.core.format import state_map
from muniment.core.format.state_map import Record
from muniment.core.proof import inquiry
from muniment.core.proof.inquiry import BlameQuestion, ClaimQuestion, DiffQuestion, GateQuestion, Inquiry, LineageQuestion
from muniment.errors import VerificationError
from muniment.ledger.engine import View
from muniment.ledger.prover.ground import LedgerGround, no_hints


class Lying(LedgerGround):
    """A ground in which the state of one record says something else."""

    def __init__(self, view: View, stream: str, **changes: object) -> None:
        super().__init__(view, no_hints)
        self._stream = stream
        self._record = state_map.decode_record(proving.edit_record(view, stream, **changes))

    def record(self, stream: str) -> Record | None:
        """The record of a stream."""
        return self._record if stream == self._stream else super().record(stream)


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory: pytest.TempPathFactory) -> Family:
    family = Family(Path(tmp_path_factory.mktemp("withdrawn")) / "ledger.db")
    family.withdraw()
    family.say("other withdrawn", "dataset.withdrawn", data=told.OTHER, cause="licence")
    return family


V1, RAW, CLEAN = f"version/{told.V1}", f"data/{told.RAW}", f"data/{told.CLEAN}"


@pytest.mark.parametrize(
    ("question", "stream", "field", "label"),
    [
        (BlameQuestion(of=V1, path="depth", target="hyperparameter"), "run", "start", "run 2"),
        (BlameQuestion(of=V1, path="depth", target="hyperparameter"), "run", "start", "finish 1"),
        (LineageQuestion(direction="up", of=V1), "run", "start", "run 2"),
        (LineageQuestion(direction="up", of=V1), V1, "made", "version 3"),
        (LineageQuestion(direction="up", of=CLEAN), CLEAN, "made", "join"),
        (DiffQuestion(a=V1, b=f"version/{told.V2}"), V1, "made", "version 2"),
        (ClaimQuestion(claim="withdrawn", of=RAW), RAW, "withdrawn", "other withdrawn"),
        (GateQuestion(environment="production", name="credit-risk", version=told.V1), told.PLACE, "since", "version 1"),
    ],
)
def test_an_entry_that_is_about_something_else(withdrawn: Family, question: Inquiry, stream: str, field: str, label: str) -> None:
    named = f"run/{withdrawn.ids['run 1']}" if stream == "run" else stream
    with withdrawn.engine.view() as view:
        ground = Lying(view, named, **{field: withdrawn.at[label]})
        with pytest.raises(VerificationError) as caught:
            inquiry.evaluate(question, ground)
        assert (caught.value.step, caught.value.code) == (11, "event-kind")
        # The ledger itself answers it.
        inquiry.evaluate(question, LedgerGround(view, no_hints))
