"""Verification: bytes and a trust file in, everything that a person wants to be told out (docs/spec, section 10.5).

    verified = verify_answer(raw, trust)        # or VerificationError with the number of the step that failed
    for sentence in tell(verified): print(sentence)

Never a yes or no: what was shown, on whose word, by which clock, and what was not looked at.
"""

from muniment.core.proof.inquiry import Block
from muniment.core.proof.verify.answer import verify_answer
from muniment.core.proof.verify.bundle import verify_bundle
from muniment.core.proof.verify.receipt import verify_receipt
from muniment.core.proof.verify.verified import (
    UNSET,
    Clock,
    Ground,
    Moment,
    Said,
    SealedField,
    Serving,
    Shown,
    Signer,
    Subject,
    Thing,
    Verified,
    VerifiedBundle,
    VerifiedReceipt,
)
from muniment.core.proof.verify.words import LIMITS, tell, tell_bundle, tell_receipt, tell_standing

__all__ = [
    "LIMITS",
    "UNSET",
    "Block",
    "Clock",
    "Ground",
    "Moment",
    "Said",
    "SealedField",
    "Serving",
    "Shown",
    "Signer",
    "Subject",
    "Thing",
    "Verified",
    "VerifiedBundle",
    "VerifiedReceipt",
    "tell",
    "tell_bundle",
    "tell_receipt",
    "tell_standing",
    "verify_answer",
    "verify_bundle",
    "verify_receipt",
]
