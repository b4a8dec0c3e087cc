"""Problem details (RFC 9457): the one table from errors to HTTP statuses."""

from __future__ import annotations

import msgspec

from muniment.core.rules.policy import PolicyViolation
from muniment.errors import (
    CaptureError,
    Conflict,
    CorruptStore,
    Detail,
    InvalidInput,
    LedgerError,
    MunimentError,
    NotFound,
    Unavailable,
    VerificationError,
)

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:muniment:error:"


class Unauthenticated(MunimentError):
    """Nobody said who he is, or not so that it could be believed."""

    code = "unauthenticated"
    hint = "Send `Authorization: Bearer <token>`; an administrator makes one with `muniment tokens create`."


class Forbidden(MunimentError):
    """The caller is known and may not do this."""

    code = "forbidden"
    hint = "Ask an administrator for a token with the scope that `details` names."


class TooOften(MunimentError):
    """More requests than the limit. `retry_after` is in seconds."""

    code = "too-often"
    hint = "Slow down; `Retry-After` says when to come again."

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(MunimentError):
    """The request cannot be met any more."""

    code = "gone"
    hint = "Begin again."


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, for programs and people (RFC 9457). `code` and `details` are those of the error tree."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    details: dict[str, Detail] = {}


# The first type that fits counts; everything else in the tree is a 500, which says that the ledger is not well.
_TABLE = (
    (Unauthenticated, 401, "Who is asking?"),
    (Forbidden, 403, "Not allowed"),
    (TooOften, 429, "Too many requests"),
    (Gone, 410, "Gone"),
    (PolicyViolation, 409, "Refused by the policy in force"),
    (Conflict, 409, "Conflict"),
    (NotFound, 404, "Not found"),
    (VerificationError, 422, "A proof does not hold"),
    (InvalidInput, 400, "Not valid"),
    (CaptureError, 400, "Not valid"),
    (Unavailable, 503, "Not now"),
    (CorruptStore, 500, "The ledger is damaged"),
    (LedgerError, 500, "The ledger failed"),
)

STATUSES = tuple(sorted({status for _, status, _ in _TABLE}))


def describe(error: MunimentError) -> Problem:
    """The problem that an error is told as."""
    status, title = next(((status, title) for type_, status, title in _TABLE if isinstance(error, type_)), (500, "Failed"))
    return Problem(
        type=TYPE + error.code,
        title=title,
        status=status,
        detail=str(error),
        code=error.code,
        hint=error.hint,
        details={**error.details, **({"step": error.step} if isinstance(error, VerificationError) else {})},
    )


def build(status: int, code: str, title: str, detail: str, hint: str) -> Problem:
    """A problem that no error of the tree stands behind."""
    return Problem(type=TYPE + code, title=title, status=status, detail=detail, code=code, hint=hint)


def headers(error: MunimentError) -> dict[str, str]:
    """What belongs in the head of the answer: when to come again, and how to say who one is."""
    found: dict[str, str] = {}
    if isinstance(error, Unavailable | TooOften) and error.retry_after is not None:
        found["Retry-After"] = str(max(1, round(error.retry_after)))
    if isinstance(error, Unauthenticated):
        found["WWW-Authenticate"] = 'Bearer realm="muniment"'
    return found
