"""Exit codes: the one table from errors to what a shell sees."""

from __future__ import annotations

from types import MappingProxyType

from muniment.core.rules.policy import PolicyViolation
from muniment.errors import InvalidInput, MunimentError, NotFound, Unavailable, VerificationError

OK = 0
FAILURE = 1
USAGE = 2
NOT_VERIFIED = 3
REFUSED = 4
NOT_FOUND = 5
INCOMPLETE = 6
INTERRUPTED = 130

MEANINGS = MappingProxyType(
    {
        OK: "done",
        FAILURE: "it failed, or what was to be proved does not hold; the message says why",
        USAGE: "the command or its input is not valid",
        NOT_VERIFIED: "verification failed: something was changed, forged, shown in two versions, or falls short of what was asked",
        REFUSED: "refused by the policy in force, or by the gate",
        NOT_FOUND: "there is nothing of that name",
        INCOMPLETE: "incomplete or unknown: a proof, a file or the ledger is not at hand",
        INTERRUPTED: "interrupted",
    }
)

# The first type that fits counts; everything else is a failure. Tampered and missing never share a code.
_TABLE = (
    (VerificationError, NOT_VERIFIED),
    (PolicyViolation, REFUSED),
    (NotFound, NOT_FOUND),
    (Unavailable, INCOMPLETE),
    (InvalidInput, USAGE),
)


def code_of(error: MunimentError) -> int:
    """The exit code of an error. A path where nothing is counts as not found, whoever looked there."""
    if error.code == "missing":
        return NOT_FOUND
    return next((code for type_, code in _TABLE if isinstance(error, type_)), FAILURE)
