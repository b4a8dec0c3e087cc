"""When something came about: an event and the two headers around its block, so that a file shows when it was sealed."""

from __future__ import annotations

import msgspec

from muniment.core.format import state_map
from muniment.core.proof.answer import UNSET, Answer, AtQuestion, Included
from muniment.core.rules.records import Deployment
from muniment.ledger.engine import View
from muniment.ledger.prover.draft import DEPLOYMENT, read_state


def date(view: View, answer: Answer) -> Answer:
    """The answer about a deployment at a time, with when it came about; every other answer as it is."""
    index = _find_change(view, answer)
    if index is None:
        return answer
    height = view.sealed_by(index)
    shown = {each.index: each for each in answer.entries}
    for each in (index, view.header(height - 1).size, view.header(height).size):
        if each not in shown:
            shown[each] = Included(entry=view.entry(each), index=each, proof=tuple(view.inclusion(each, view.size)))
    return msgspec.structs.replace(answer, entries=tuple(shown[each] for each in sorted(shown)))


def _find_change(view: View, answer: Answer) -> int | None:
    """The entry that put there what an answer shows in a deployment; None for other streams, and where nothing was there."""
    question = answer.question
    if not isinstance(question, AtQuestion) or not question.stream.startswith(DEPLOYMENT) or answer.result.statuses == ("absent",):
        return None
    if answer.history is not UNSET:
        return answer.history.events[0].index
    raw = view.record(question.stream)
    return None if raw is None else read_state(state_map.decode_record(raw), Deployment).since
