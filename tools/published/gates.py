"""What a gate says after the story, as holds, withdrawals, stolen keys and the passing of time come upon what runs.

    for name, answer in tell_good(book, scribe).items(): ...

They lie under the story's own ledger, which goes on for them; nothing else in the vectors sees these blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

from muniment.core.proof.answer import Answer
from muniment.core.proof.inquiry import ClaimQuestion, GateQuestion
from muniment.ledger import prover
from published.book import Book
from published.cast import Json, moment
from published.council import BOB, FRONT, STAGE, W1, W2
from published.scribe import LOANS, PLACE, V1, Scribe, public

HOLD: Json = {"severity": "high", "version": W1, "hold": True}
STAGING: Json = {"version": W1, "environment": "staging"}

Told = Iterator[tuple[str, Answer]]


def tell_good(book: Book, scribe: Scribe) -> dict[str, Answer]:
    """Every such answer, by what the cases call it."""
    pen = Scribe(book.until(book.height), labels=dict(scribe.labels))
    return {name: answer for part in (_hold, _withdraw, _expire, _dispute, _stop) for name, answer in part(pen)}


def _gate(pen: Scribe, place: Json, version: str, *waivers: str) -> Answer:
    named = tuple(sorted(pen.id(label) for label in waivers))
    return prover.prove_inquiry(pen.book, GateQuestion(**place, version=version, waivers=named))  # type: ignore[arg-type]


def _claim(pen: Scribe, claim: str, **place: str) -> Answer:
    return prover.prove_inquiry(pen.book, ClaimQuestion(claim=claim, of=f"version/{W1}", **place))  # type: ignore[arg-type]


def _hold(pen: Scribe) -> Told:
    """A hold, and the waivers of a gate that lift it: of several the one that expires last."""
    named = [pen.id(f"{rule} waived") for rule in ("licence", "unknown-ancestry")]
    of = {"version": W2, "environment": "production"}
    for rule, minutes in (("gate", 5_000), ("hold", 2_000)):
        # The start rests on neither: a gate asks for itself, and for a hold whenever there is one.
        pen.write(f"{rule} waived for w2", "waiver.granted", actor="grace", rule=rule, **of, expiresAt=moment(minutes))
        named.append(pen.id(f"{rule} waived for w2"))
    met = {"approvals": [pen.id("w2 approved by bob")], "evaluations": [pen.id("w2 evaluated")], "waivers": sorted(named)}
    pen.write("w2 again", "deployment.changed", **FRONT, transition="promote", version=W2, **met)
    pen.end_block()
    yield "gate, under waivers", _gate(pen, FRONT, W2)
    pen.write("held", "incident.recorded", actor="grace", **HOLD, awareAt=moment(60))
    for label, minutes in (("first gate waiver", 2_880), ("second gate waiver", 3_000)):
        pen.write(label, "waiver.granted", actor="grace", rule="gate", **STAGING, expiresAt=moment(minutes))
    pen.end_block()
    yield "gate, on hold", _gate(pen, STAGE, W1)
    yield "gate, on hold and waived", _gate(pen, STAGE, W1, "first gate waiver", "second gate waiver")
    yield "claim, on-hold, by an open incident", _claim(pen, "on-hold")
    pen.write("released", "incident.closed", actor="grace", incident=pen.id("held"), version=W1)
    pen.end_block()


def _withdraw(pen: Scribe) -> Told:
    """Data withdrawn two steps up, and a deployment that names a waiver of it."""
    pen.write("loans withdrawn", "dataset.withdrawn", actor="grace", data=LOANS, cause="consent")
    of = {"version": V1, "environment": "production"}
    for rule, minutes in (("approvals", 2_000), ("withdrawn", 2_880)):
        pen.write(f"{rule} waived", "waiver.granted", actor="grace", rule=rule, **of, expiresAt=moment(minutes))
    pen.end_block()
    yield "gate, withdrawn data", _gate(pen, PLACE, V1)
    # What the version once met here without waivers does not rest on that of approvals, though it is the first to expire.
    waivers = [pen.id("approvals waived"), pen.id("withdrawn waived")]
    met = {"approvals": [pen.id("approved")], "evaluations": [pen.id("evaluated")], "waivers": waivers}
    pen.write("kept", "deployment.changed", **PLACE, transition="promote", version=V1, **met)
    pen.end_block()
    yield "gate, withdrawn data under a waiver that the deployment names", _gate(pen, PLACE, V1)


def _expire(pen: Scribe) -> Told:
    """What was let in by waivers for a time, once that is over."""
    pen.write("later", "system.registered", name="later")
    pen.book.seal(moment(2_880), pen.waiting)
    pen.waiting.clear()
    yield "gate, its waivers expired", _gate(pen, FRONT, W2)
    yield "claim, approved, as an approval expires", _claim(pen, "approved", environment="staging")


def _dispute(pen: Scribe) -> Told:
    """Approvals and waivers whose keys others may have held: a rollback rests on those of the start before it."""
    index = pen.index("w1 approved by frank")
    stolen = {"of": "frank", "change": "compromise", "key": public("frank")}
    pen.write("frank's key stolen", "key.changed", **stolen, fromIndex=index)
    stolen = {"of": "grace", "change": "compromise", "key": public("grace")}
    pen.write("grace's key stolen", "key.changed", **stolen, fromIndex=pen.index("licence waived"))
    revoke = {"of": STAGING, "decision": "revoke", "meaning": "approval", "revokes": pen.id("w1 approved by bob")}
    pen.write("w1 revoked by bob", "approval.decided", **BOB, **revoke)
    lab = {"of": {"version": W1, "environment": "lab"}, "decision": "approve", "meaning": "approval"}
    pen.write("w1 approved for lab", "approval.decided", **BOB, **lab)
    pen.book.seal(moment(2_881), pen.waiting)
    pen.waiting.clear()
    yield "gate, a disputed approval", _gate(pen, STAGE, W1)
    yield "gate, a disputed approval and a disputed waiver", _gate(pen, STAGE, W1, "second gate waiver")
    yield "gate, disputed waivers", _gate(pen, FRONT, W2)
    for name, claim, place in (
        ("claim, approved, by two of five", "approved", {"environment": "staging"}),
        ("claim, not-approved, for another environment", "not-approved", {"environment": "production"}),
        ("claim, approved, for any environment", "approved", {}),
    ):
        yield name, _claim(pen, claim, **place)


def _stop(pen: Scribe) -> Told:
    """What was stopped runs nowhere."""
    pen.write("stopped for good", "deployment.changed", **STAGE, transition="stop", version=W1)
    pen.book.seal(moment(2_882), pen.waiting)
    pen.waiting.clear()
    yield "gate, stopped", _gate(pen, STAGE, W1)
