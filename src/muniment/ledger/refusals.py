"""What the ledger's own service writes about events that were refused: `attempt.refused` (docs/spec, section 6.9).

    refusals = Refusals(signer, Spool(folder))
    entries = refusals.draft(submissions, judged.verdicts, judged.policy, now)

A refused event writes nothing, so what is recorded of it is an event of its own, in a later block. Whoever was refused learns
the verdict whatever becomes of that record. What the ledger cannot take is kept in the spool and sent with what comes next;
only a crash between the refusal and its record loses the attempt, and a refusal is no fact of the ledger until it is recorded.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from muniment.core.format import digest, dsse, keys, time
from muniment.core.rules import events
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Policy, Verdict
from muniment.errors import MunimentError
from muniment.ledger.ids import new_event_id
from muniment.ledger.spool import Spool, Taker

NODE = "node"
"""The service that speaks for the machine itself; the genesis enrols it."""

ANONYMOUS = frozenset({"actor", "event-id", "key", "ledger"})
"""Rules that refuse before it is certain who speaks: anybody could have such an attempt recorded in another's name."""


class RefusalWarning(UserWarning):
    """The record of a refused attempt could not be written anywhere yet."""


class Refusals:
    """The service's pen. `signer` is the key of `actor`; `spool` keeps what the ledger cannot take at once."""

    def __init__(self, signer: keys.Signer, spool: Spool, *, actor: str = NODE) -> None:
        self._signer = signer
        self._spool = spool
        self._actor = actor
        self._owed: list[bytes] = []

    def draft(self, submissions: Sequence[Submission], verdicts: Sequence[Verdict], policy: Policy, now: int) -> list[bytes]:
        """The entries to append about a block: one for each refusal that the policy wants recorded, and what is still owed.

        `policy` is the one that judged the block, `now` the machine's clock in microseconds since 1970. Empty, and nearly free,
        where nothing was refused.
        """
        drafted = [
            self._sign(submission, verdict, time.format(now))
            for submission, verdict in zip(submissions, verdicts, strict=True)
            if verdict.decision == "refused" and self._is_wanted(policy, submission, verdict)
        ]
        if not drafted:
            return []
        owed, self._owed = self._owed, []
        return [*owed, *drafted]

    def keep(self, entries: Sequence[bytes]) -> None:
        """Keep what the ledger did not take: in the spool, from where it is sent before the next event of a client here.

        Where the spool cannot be written either, this process keeps it until there is something to record again, and warns.
        """
        for number, raw in enumerate(entries):
            try:
                self._spool.store(raw)
            except MunimentError as error:
                self._owed += entries[number:]
                warnings.warn(f"refused attempts could not be recorded: {error}", RefusalWarning, stacklevel=2)
                return

    def drain(self, ledger: Taker) -> None:
        """Send what the spool holds, as far as the ledger takes it now. Raises as `Spool.drain`."""
        if self._spool.pending():
            self._spool.drain(ledger)

    def _is_wanted(self, policy: Policy, submission: Submission, verdict: Verdict) -> bool:
        event = submission.event
        # What this service itself was refused is told by the spool: recording it would be refused again, without end.
        return (
            event.NAME in policy.record_refusals
            and event.actor != self._actor
            and ANONYMOUS.isdisjoint(reason.rule for reason in verdict.reasons)
        )

    def _sign(self, submission: Submission, verdict: Verdict, now: str) -> bytes:
        event = events.build(
            "attempt.refused",
            {
                "ledger": submission.event.ledger,
                "eventId": new_event_id(),
                "occurredAt": now,
                "actor": self._actor,
                "grade": "observed",
                "of": submission.event.actor,
                "attempted": submission.event.NAME,
                "payloadDigest": digest.format(digest.sha256(submission.envelope.payload)),
                "rules": [*sorted({reason.rule for reason in verdict.reasons})],
            },
        )
        return dsse.encode(dsse.sign(events.encode(event), self._signer))
