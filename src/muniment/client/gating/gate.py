"""The decision: ask the ledger; where it cannot be asked, its last answer; where that does not help, a broken glass."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from muniment.client import proving
from muniment.client.gating import asking, glass
from muniment.client.gating.asking import Asked, Unreachable
from muniment.client.gating.decision import Cause, Gated, Glass, Source, WaiverState, blame, tell_objections, weigh
from muniment.client.gating.glass import Kept
from muniment.client.reach import Here
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.core.format import time
from muniment.core.proof.inquiry import GateFindings, GateQuestion
from muniment.core.proof.part import UNSET
from muniment.core.proof.verify.admission import call_version
from muniment.core.proof.verify.freshness import SECOND, check_freshness
from muniment.errors import InvalidInput, LedgerError, NotFound, Unavailable, VerificationError
from muniment.ledger.embedded import Clock, system_clock

NOT_ASKED = "The ledger could not be asked"
REACH = "Make the ledger reachable from here, or name its folder with --home."


class Gate:
    """The gate before one deployment for one version. `receipt` is where the ledger's answer is kept, `max_age` in seconds.

    reach: opens the ledger for each question, and raises LedgerError where it cannot be asked
    """

    def __init__(
        self,
        stand: Standpoint,
        question: GateQuestion,
        receipt: Path,
        reach: asking.Reaching,
        *,
        max_age: int,
        actor: str | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._stand = stand
        self._question = question
        self._receipt = receipt
        self._max_age = max_age
        self._actor = actor
        self._reach = reach
        self._clock = clock
        self._last: Asked | None = None
        self._refusable: frozenset[str] = frozenset()

    def decide(self) -> Gated:
        """May it start? Raises VerificationError and SplitView where the ledger here must not be believed."""
        try:
            with self._reach() as writer:
                asking.deliver(writer)
                self._last = asking.ask(writer, self._question)
                # What could not be delivered may wait because somebody saw to it: what the ledger thinks of it counts.
                self._refusable = glass.find_refusable(writer)
                may_lag = writer.reach.may_lag
        except LedgerError as obstacle:
            return self._recall(obstacle)
        gated = self._judge(self._last, "ledger")
        if gated.allowed and may_lag:
            gated = self._look_for_age(gated)
        return msgspec.structs.replace(gated, notes=(*gated.notes, *self._keep(self._last)))

    def break_glass(self, refused: Gated, wanted: Glass, *, tell: bool = True) -> Gated:
        """Let a version start that was refused: the waiver is recorded, or waits to be.

        tell: False where the ledger here is not to be believed, and so not to be written either: the waiver waits
        Raises MunimentError where nobody here can sign, and where the waiver can be kept nowhere.
        """
        stand = self._stand
        with ExitStack() as stack:
            try:
                if not tell:
                    raise Unavailable("the ledger here is not believed", code="not-believed")
                writer = stack.enter_context(self._reach())
            except LedgerError as obstacle:
                engine = Unreachable(stand.trust.origin, stand.trust.ledger, obstacle)
                writer = Writer(stand.home, Here(stand.home, engine, stand.follower), stand.trust, stand.pins, self._actor)
            self._make_room()
            broken = glass.break_glass(writer, self._question, wanted, self._receipt, self._last)
            notes = broken.notes
            if broken.state == "recorded":
                # Kept, the new answer lets it start again also where the ledger cannot be asked.
                with suppress(LedgerError):
                    self._last = asking.ask(writer, self._question)
                    notes += self._keep(self._last)
        if not broken.waiver:
            return msgspec.structs.replace(refused, causes=(*refused.causes, *broken.causes), code="glass-refused")
        return _lift(refused, broken.waiver, broken.until, broken.state, notes)

    def _recall(self, obstacle: LedgerError) -> Gated:
        """What the last answer of the ledger says, where it is about this version, and not too old."""
        blocked = blame(obstacle, "not-asked", NOT_ASKED, mend=REACH if isinstance(obstacle, NotFound) else "")
        try:
            self._last = asking.load(self._receipt, self._stand)
        except (LedgerError, InvalidInput, VerificationError) as error:
            return self._look_for_glass(self._refuse(blocked, _blame_cache(error, self._receipt)), beside=True)
        causes = self._compare(self._last)
        if causes:
            return self._look_for_glass(self._refuse(blocked, *causes), beside=True)
        gated = self._judge(self._last, "cache")
        if gated.code == "broken-glass":
            return _lift(msgspec.structs.replace(gated, causes=(blocked, *gated.causes)), gated.waiver, gated.until, "waiting", ())
        if gated.allowed:
            return msgspec.structs.replace(gated, notes=(blocked.said, *gated.notes))
        return msgspec.structs.replace(gated, causes=(blocked, *gated.causes))

    def _compare(self, asked: Asked) -> tuple[Cause, ...]:
        """What speaks against using an answer that was kept: it is about something else, or too old, or from the future."""
        causes = []
        mine, its = self._question, asked.question
        if (mine.environment, mine.name) != (its.environment, its.name):
            said = f"The answer that is kept here is about {its.environment}/{its.name}."
            causes.append(Cause(code="other-deployment", said=said, mend="Keep one for each: --receipt FILE."))
        elif mine.version != its.version:
            said = f"The answer that is kept here is about {call_version(asked.findings)}, and this is another version."
            causes.append(Cause(code="new-version", said=said, mend="A version that never started here needs the ledger."))
        try:
            check_freshness(asked.verified.clocks, time.format(self._clock()), self._max_age)
        except VerificationError as error:
            causes.append(blame(error, error.code, "The answer that is kept here cannot be used"))
        return tuple(causes)

    def _look_for_age(self, gated: Gated) -> Gated:
        """A ledger that may be in an older state is believed as long as an answer that was kept."""
        if self._last is None or gated.code == "broken-glass":
            # A glass that was broken here rests on nothing that the ledger shows.
            return gated
        try:
            check_freshness(self._last.verified.clocks, time.format(self._clock()), self._max_age)
        except VerificationError as error:
            cause = blame(error, error.code, "What was shown may be an older state of the ledger, and it is too old")
            causes = (cause, *[msgspec.structs.replace(each, lifted="") for each in gated.causes])
            refused = msgspec.structs.replace(
                gated, allowed=False, code="refused", causes=causes, waiver="", waiver_state=None, until=""
            )
            return self._look_for_glass(refused, beside=True)
        return gated

    def _judge(self, asked: Asked, source: Source) -> Gated:
        """What an answer about this version says, by this machine's clock where a waiver has an end."""
        findings, now = asked.findings, self._clock()
        causes = tell_objections(findings)
        until = "" if findings.until is UNSET else findings.until
        allowed = findings.allowed
        if allowed and until and time.parse(until) <= now:
            allowed = False
            said = f"The waiver that lets it start expired at {until} (by this machine's clock)."
            causes = (Cause(code="waiver-expired", said=said), *[msgspec.structs.replace(each, lifted="") for each in causes])
        waiver = next((each.waiver for each in findings.objections if each.waiver is not UNSET), UNSET)
        gated = Gated(
            allowed=allowed,
            code=("waived" if causes else "admitted") if allowed else "refused" if source == "ledger" else "refused-before",
            deployment=self._deployment,
            version=self._question.version,
            name=_name(findings),
            asked=source,
            shown=weigh(asked.verified, (now - time.parse(asked.verified.head.time)) // SECOND),
            causes=causes,
            waiver="" if waiver is UNSET or not allowed else waiver,
            waiver_state="recorded" if waiver is not UNSET and allowed else None,
            until=until if allowed else "",
            receipt=str(self._receipt),
        )
        return gated if allowed else self._look_for_glass(gated, beside=source == "cache")

    def _look_for_glass(self, refused: Gated, *, beside: bool) -> Gated:
        """A glass that was broken here and that the ledger could not be told of yet."""
        receipt = self._receipt if beside else None
        found = glass.find_kept(self._stand, self._question, receipt, self._last, self._clock(), self._refusable)
        if isinstance(found, Kept):
            return _lift(refused, found.waiver, found.until, "waiting", found.notes)
        return msgspec.structs.replace(refused, causes=(*refused.causes, *found))

    def _refuse(self, *causes: Cause) -> Gated:
        return Gated(
            allowed=False,
            code=causes[-1].code,
            deployment=self._deployment,
            version=self._question.version,
            causes=causes,
            receipt=str(self._receipt),
        )

    @property
    def _deployment(self) -> str:
        return f"{self._question.environment}/{self._question.name}"

    def _keep(self, asked: Asked) -> tuple[str, ...]:
        """Keep an answer, whatever it says: an older one that allows more must not outlive it."""
        try:
            self._make_room()
            proving.save(self._receipt, asked.raw)
            return ()
        except LedgerError as error:
            said = f"The ledger's answer could not be kept, so that nothing starts here without the ledger: {error}."
        try:
            self._receipt.unlink(missing_ok=True)
        except OSError:
            if not asked.findings.allowed:
                said = f"REMOVE {self._receipt}: an older answer there may allow more, and it can be neither replaced nor removed."
        return (said,)

    def _make_room(self) -> None:
        with suppress(OSError):
            self._receipt.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _name(findings: GateFindings) -> str:
    return "" if findings.title.startswith("version/") else call_version(findings)


def _blame_cache(error: LedgerError | InvalidInput | VerificationError, receipt: Path) -> Cause:
    if isinstance(error, LedgerError):
        return blame(error, error.code, "Nothing that is kept here helps")
    if error.code == "quorum":
        # It is genuine, and only not enough for whom the trust file asks for more.
        return blame(error, error.code, "The answer that is kept here cannot be used")
    step = f", step {error.step}" if isinstance(error, VerificationError) else ""
    said = f"The answer that is kept at {receipt} does not hold: {error} ({error.code}{step})."
    return Cause(code="cache-broken", said=said, mend="Find out what changed it, and remove it.")


def _lift(refused: Gated, waiver: str, until: str, state: WaiverState, notes: tuple[str, ...]) -> Gated:
    """The answer once a glass is broken: everything that speaks against the start still stands there."""
    causes = tuple(msgspec.structs.replace(each, lifted=f"waiver {waiver}") for each in refused.causes)
    return msgspec.structs.replace(
        refused,
        allowed=True,
        code="broken-glass",
        causes=causes,
        notes=(*refused.notes, *notes),
        waiver=waiver,
        waiver_state=state,
        until=until,
    )
