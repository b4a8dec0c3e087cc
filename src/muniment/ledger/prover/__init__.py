"""Builds answers, receipts and bundles from a view of a ledger (docs/spec, sections 10 and 11.5).

    with engine.view() as view:
        raw = answer.encode(prove_entry(view, 12))
    verify.verify_answer(raw, trust)

A prover is not trusted and verifies nothing: what it leaves out or makes up fails when the answer is verified. Every answer
comes with the records of the keys and actors that signed what is in it; the answer about a deployment also with the approvals
that the deployment relied on. `disclose` gives the opening of a sealed field, or None to leave it sealed.
"""

from muniment.ledger.prover.bundle import prove_bundle
from muniment.ledger.prover.draft import Disclose, prove_receipt
from muniment.ledger.prover.ground import Hints, no_hints
from muniment.ledger.prover.question import prove, prove_at, prove_entry, prove_inquiry, prove_state
from muniment.ledger.prover.stream import read_stream

__all__ = [
    "Disclose",
    "Hints",
    "no_hints",
    "prove",
    "prove_at",
    "prove_bundle",
    "prove_entry",
    "prove_inquiry",
    "prove_receipt",
    "prove_state",
    "read_stream",
]
