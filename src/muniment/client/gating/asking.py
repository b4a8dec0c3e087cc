"""Asking the ledger itself, and an answer of it that was kept: both end in findings that were verified here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from muniment.client import proving
from muniment.client.proving import Proved
from muniment.client.questions import Questions
from muniment.client.reach import Here
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.proof.answer import MAX_ANSWER_BYTES
from muniment.core.proof.inquiry import GateFindings, GateQuestion
from muniment.core.proof.inquiry.gate import MAX_KEYS, MAX_WAIVERS
from muniment.core.proof.verify import Verified, verify_answer
from muniment.core.rules.policy import Verdict
from muniment.core.rules.records import Waiver
from muniment.errors import LedgerError, MunimentError, NotFound, Unavailable, VerificationError
from muniment.ledger import signers
from muniment.ledger.engine import Engine, View

Reaching = Callable[[], AbstractContextManager[Writer]]
"""How the ledger is opened for one question."""

WAIVER = "waiver.granted"
GATE = "gate"
MAX_ROWS = 1_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A verified answer about the gate, and what was found."""

    raw: bytes
    verified: Verified
    question: GateQuestion
    findings: GateFindings


class Unreachable:
    """An engine that cannot be reached: whatever is asked of it fails with what stands in the way."""

    def __init__(self, origin: str, ledger: str, obstacle: LedgerError) -> None:
        self.origin = origin
        self.ledger = ledger
        self._obstacle = obstacle

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Raises Unavailable."""
        self._fail()

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Raises Unavailable."""
        self._fail()

    def view(self) -> AbstractContextManager[View]:
        """Raises Unavailable."""
        self._fail()

    def close(self) -> None:
        """Nothing was opened."""

    def _fail(self) -> NoReturn:
        raise Unavailable(str(self._obstacle), code=self._obstacle.code, hint=self._obstacle.hint) from None


@contextmanager
def reach_folder(stand: Standpoint, actor: str | None) -> Iterator[Writer]:
    """A writer over the ledger here: one that only reads where the log's key does not lie here or cannot be read.

    Raises LedgerError where there is none that can be opened, or another one.
    """
    try:
        opened: Engine = stand.home.open()
    except NotFound:
        raise
    except MunimentError:
        opened = stand.open(stand.home).engine
    try:
        # One of the same origin is asked: that it is another one all the same is an alarm.
        if opened.origin != stand.trust.origin:
            said = f"the ledger at {stand.home.folder} is {opened.origin}, and the trust file is about {stand.trust.origin}"
            raise NotFound(said, code="other-ledger", hint="Name the folder of that ledger with --home.")
        yield Writer(stand.home, Here(stand.home, opened, stand.follower), stand.trust, stand.pins, actor)
    finally:
        opened.close()


@contextmanager
def reach_node(settings: Config, stand: Standpoint, max_age: int) -> Iterator[Writer]:
    """A writer over the nodes that the settings name: where one shows what is older than `max_age` seconds, another is asked.

    Raises LedgerError where none can be asked.
    """
    # Here, because most gates stand beside a ledger in a folder.
    from muniment.client.remote import node

    with node.reach(settings, stand.trust, stand.pins, max_age=max_age) as there:
        yield Writer(stand.home, there, stand.trust, stand.pins, settings.actor)


def deliver(writer: Writer) -> None:
    """Send what waits in the spool, such as a broken glass: it can help only once the ledger has it. What hinders is no matter."""
    with suppress(LedgerError):
        writer.drain()


def ask(writer: Writer, question: GateQuestion) -> Asked:
    """Ask the ledger now; what it answers was verified, and continues what this client saw before.

    Raises LedgerError where it cannot be asked, VerificationError and SplitView where it must not be believed.
    """
    questions = Questions(writer)
    try:
        asked = _prove(writer, questions, msgspec.structs.replace(question, keys=list_keys(writer)))
        # The index is brought up to the newest block only where a waiver could help: a start is not to wait for it.
        waivers = () if asked.findings.allowed else _find_waivers(questions, question)
        return _prove(writer, questions, msgspec.structs.replace(asked.question, waivers=waivers)) if waivers else asked
    finally:
        questions.close_index()


def _prove(writer: Writer, questions: Questions, question: GateQuestion) -> Asked:
    def hint(stream: str) -> Sequence[int]:
        # Without an index the entries of a stream are found by reading on.
        with suppress(LedgerError):
            return questions.index.stream_indices(stream)
        return ()

    return _open(proving.prove(writer, question, hint))


def load(path: Path, stand: Standpoint) -> Asked:
    """An answer that was kept, verified with nothing but the trust file; how old it may be is for the caller.

    Raises NotFound (`no-cache`), LedgerError (`cache-unreadable`), InvalidInput and VerificationError for one that does not hold.
    """
    try:
        with open(path, "rb", opener=open_at_once) as file:
            raw = file.read(MAX_ANSWER_BYTES + 1)
    except FileNotFoundError:
        hint = "An answer is kept here whenever the ledger can be asked."
        raise NotFound(f"no answer of the ledger is kept at {path}", code="no-cache", hint=hint) from None
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}", code="cache-unreadable", hint="Correct the path.") from None
    return _open(Proved(raw=raw, verified=verify_answer(raw, stand.trust)))


def open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting: what somebody put in the place of a file, such as a pipe, holds up no start."""
    return os.open(path, flags | os.O_NONBLOCK)


def list_keys(writer: Writer) -> tuple[str, ...]:
    """The public keys that lie here: a glass is broken with one of these."""
    found = []
    for actor in writer.home.actors()[:MAX_KEYS]:
        with suppress(MunimentError):
            found.append(signers.load_file(writer.home.actor_key(actor)).public_key.hex())
    return tuple(sorted(found))


def _find_waivers(questions: Questions, question: GateQuestion) -> tuple[str, ...]:
    """The waivers of the gate that were granted to this version here; none where the index cannot be used."""
    try:
        rows = questions.index.events(stream=f"version/{question.version}", names=(WAIVER,), limit=MAX_ROWS)
        states = [(row.event_id, questions.state(f"waiver/{row.event_id}", Waiver)) for row in rows]
    except LedgerError:
        return ()
    wanted = (GATE, question.environment)
    return tuple(id_ for id_, state in states if state and (state.rule, state.environment) == wanted)[:MAX_WAIVERS]


def _open(proved: Proved) -> Asked:
    question, findings = proved.verified.question, proved.verified.result.findings
    if not isinstance(question, GateQuestion) or not isinstance(findings, GateFindings):
        raise VerificationError("this is an answer to another question", step=1, code="other-question")
    return Asked(raw=proved.raw, verified=proved.verified, question=question, findings=findings)
