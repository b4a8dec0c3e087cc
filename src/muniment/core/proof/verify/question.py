"""What the proved entries and records say to the question: the result, and the things by digest that it is about.

This is where steps 8, 11 and 13 meet the claim that the file makes of itself: a result that does not follow from what was
proved fails, at step 13 where only the evidence grade differs.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from muniment.core.format import encoding
from muniment.core.format.state_map import Record
from muniment.core.proof import inquiry
from muniment.core.proof.answer import Answer, AtQuestion, EntryQuestion, Result, StateQuestion
from muniment.core.proof.inquiry import Findings, Inquiry
from muniment.core.proof.inquiry.ground import read_state
from muniment.core.proof.part import UNSET, Absent, Status
from muniment.core.proof.verify import serving, state
from muniment.core.proof.verify.inclusion import Tree
from muniment.core.proof.verify.state import DEPLOYMENT
from muniment.core.proof.verify.statement import DECLARED, Signed
from muniment.core.proof.verify.testimony import Testimony
from muniment.core.proof.verify.verified import Moment, Serving, Thing
from muniment.core.rules.events.predicate import Grade
from muniment.core.rules.records import Data, Deployment, Version
from muniment.errors import VerificationError

RESULT_STEP = 11
GRADE_STEP = 13

Records = Mapping[str, Record | None]
Statements = Mapping[int, Signed]


class Settled(msgspec.Struct, frozen=True):
    """What follows from the proof."""

    result: Result
    moment: Moment | Absent
    things: tuple[Thing, ...]
    serving: Serving | Absent = UNSET


def settle(answer: Answer, tree: Tree, records: Records, signed: Statements, testimony: Testimony) -> Settled:
    """Work out the result of a question and compare it with the one in the file.

    Raises VerificationError: step 8 for headers, step 11 for states, histories, `result` and `findings`, step 13 `grade`.
    """
    question = answer.question
    if isinstance(question, EntryQuestion):
        settled = _settle_entry(question, tree, records, signed, testimony)
    elif isinstance(question, StateQuestion):
        settled = _settle_state(question, tree, records)
    elif isinstance(question, AtQuestion):
        settled = _settle_at(question, answer, tree, records, signed, testimony)
    else:
        settled = _settle_inquiry(question, tree, records, testimony)
    testimony.check_asked()
    if answer.history is not UNSET and not isinstance(question, AtQuestion):
        raise VerificationError("this file holds a history that nobody asked for", step=RESULT_STEP, code="history-unasked")
    _compare(answer.result, settled.result)
    return settled


def read_version(digest: str, records: Records) -> Thing:
    """A model version by its digest, called by its name and number where its record is shown."""
    stream = f"version/{digest}"
    record = records.get(stream)
    if record is None:
        return Thing(name=stream, digest=digest)
    version = read_state(record, Version, stream)
    return Thing(name=f"{version.model}@{version.ordinal}", digest=digest)


def name_things(signed: Signed, records: Records) -> tuple[Thing, ...]:
    """The things that a statement is about, called by name and number where their records are shown."""
    return tuple([_name_thing(thing, records) for thing in signed.things])


def _name_thing(thing: Thing, records: Records) -> Thing:
    for stream in (f"version/{thing.digest}", f"data/{thing.digest}"):
        if records.get(stream) is not None:
            return _list_things(stream, records)[0]
    return thing


def _settle_entry(question: EntryQuestion, tree: Tree, records: Records, signed: Statements, testimony: Testimony) -> Settled:
    header = tree.headers.get(question.index)
    if header is not None:
        return Settled(Result(height=header.height, statuses=("recorded",)), UNSET, ())
    block = tree.sealing(question.index)
    height = tree.head.height if block is UNSET else block.height
    statement = signed[question.index]
    serving.require_relied(statement.event, testimony)
    result = Result(height=height, statuses=("recorded",), grade=statement.grade or DECLARED)
    return Settled(result, UNSET, name_things(statement, records))


def _settle_state(question: StateQuestion, tree: Tree, records: Records) -> Settled:
    statuses = tuple([_presence(state.require(records, stream)) for stream in question.streams])
    things = tuple(thing for stream in question.streams for thing in _list_things(stream, records))
    return Settled(Result(height=tree.head.height, statuses=statuses), UNSET, things)


def _settle_at(
    question: AtQuestion, answer: Answer, tree: Tree, records: Records, signed: Statements, testimony: Testimony
) -> Settled:
    stream, history = question.stream, answer.history
    moment = tree.moment(question.time)
    record = state.require(records, stream)
    status = state.check_past(stream, record, moment.block.index, history)
    result = Result(height=moment.block.height, statuses=(status,))
    if history is not UNSET:
        state.check_whole(stream, history, signed)
    if record is None or status == "absent":
        return Settled(result, moment, ())
    if not stream.startswith(DEPLOYMENT):
        return Settled(result, moment, _list_things(stream, records))
    if history is UNSET:
        since, change = serving.read_serving(stream, record, testimony)
    else:
        since, change = serving.read_past_serving(stream, history, signed, testimony)
    version = read_version(change.version, records)
    found = Serving(running=change.transition != serving.ENDING, since=since, version=version)
    return Settled(result, moment, (version,), found)


def _settle_inquiry(question: Inquiry, tree: Tree, records: Records, testimony: Testimony) -> Settled:
    findings = inquiry.evaluate(question, testimony)
    result = Result(height=tree.head.height, statuses=(findings.status(),), findings=findings)
    things = tuple(thing for stream in question.about() for thing in _list_things(stream, records))
    return Settled(result, UNSET, things)


def _list_things(stream: str, records: Records) -> tuple[Thing, ...]:
    """The things by digest that a stream's record is about."""
    record = records.get(stream)
    if record is None:
        return ()
    if stream.startswith("version/"):
        return (read_version(stream.removeprefix("version/"), records),)
    if stream.startswith("data/"):
        data = read_state(record, Data, stream)
        return (Thing(name=f"{data.name}@{data.ordinal}", digest=stream.removeprefix("data/")),)
    if stream.startswith(DEPLOYMENT):
        return (read_version(read_state(record, Deployment, stream).version, records),)
    return ()


def _presence(record: Record | None) -> Status:
    return "absent" if record is None else "present"


def _compare(claimed: Result, found: Result) -> None:
    if (claimed.height, claimed.statuses) != (found.height, found.statuses):
        raise VerificationError(
            f"this file claims {', '.join(claimed.statuses)} as of block {claimed.height}; "
            f"what it proves is {', '.join(found.statuses)} as of block {found.height}",
            step=RESULT_STEP,
            code="result",
        )
    if _write(claimed.findings) != _write(found.findings):
        raise VerificationError(
            "what this file claims to have found is not what follows from its entries and records",
            step=RESULT_STEP,
            code="findings",
        )
    if claimed.grade != found.grade:
        raise VerificationError(
            f"this file claims evidence that is {_word(claimed.grade)}, the signed event says {_word(found.grade)}",
            step=GRADE_STEP,
            code="grade",
        )


def _write(findings: Findings | Absent) -> bytes:
    """Findings as bytes: Python takes true for 1, and a reader of the file does not."""
    return b"" if findings is UNSET else encoding.encode_struct(findings)


def _word(grade: Grade | Absent) -> str:
    return "not graded" if grade is UNSET else grade
