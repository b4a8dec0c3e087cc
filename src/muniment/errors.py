"""The error tree.

    MunimentError
    ├── InvalidInput            bytes or values that break a format or a limit
    ├── VerificationError       a proof that does not hold; `.step` is its number in the specification
    │   └── SplitView           two histories of one ledger (core.proof.evidence)
    ├── PolicyViolation         refused by the rules in force (core.rules.policy)
    ├── LedgerError
    │   ├── NotFound            nothing of that name, number or digest
    │   ├── Conflict            the same name or id already means something else
    │   ├── CorruptStore        a stored row contradicts the rest of the ledger
    │   └── Unavailable         cannot be done now; `.retry_after` says when to try again
    └── CaptureError            the world could not be observed (files, git, environment)

`InvariantError` is our own bug and stands outside the tree, so that no handler mistakes it for bad input.

Every error has a stable `.code`, a one-sentence `.hint` that says what to do, and JSON-able `.details`.
"""

from __future__ import annotations

from collections.abc import Mapping

Detail = str | int | bool | list[str] | list[int] | list[dict[str, str]] | dict[str, str]


class MunimentError(Exception):
    """Root of everything that a caller may handle."""

    code: str = "error"
    hint: str = ""
    details: Mapping[str, Detail]

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, details: Mapping[str, Detail] | None = None
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint
        self.details = dict(details or {})
        # Whoever lets it pass sees what to do as well: Python writes a note below the message.
        self.add_note(self.hint)


class InvalidInput(MunimentError):
    """Bytes or values that break a format or a limit."""

    code = "invalid-input"
    hint = "Correct the input and try again."


class VerificationError(MunimentError):
    """A proof that does not hold. `.step` is the number of the failed step in docs/spec, section 10.5 (1 to 13)."""

    code = "verification-failed"
    hint = "Do not rely on this record; keep the file and ask for a fresh proof."

    def __init__(
        self,
        message: str,
        *,
        step: int,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, details=details)
        self.step = step


class LedgerError(MunimentError):
    """A ledger could not do what was asked."""

    code = "ledger-error"


class NotFound(LedgerError):
    """Nothing of that name, number or digest."""

    code = "not-found"
    hint = "Check the spelling; `muniment log` lists what is recorded."


class Conflict(LedgerError):
    """The same name or id already means something else."""

    code = "conflict"
    hint = "What is recorded is never replaced; register the new thing under its own name."


class CorruptStore(LedgerError):
    """A stored row contradicts the rest of the ledger. `.details` names the table and the row."""

    code = "corrupt-store"
    hint = "Stop writing, keep the file as evidence, and restore a backup; `muniment fsck` names every wrong row."


class Unavailable(LedgerError):
    """Cannot be done now. `.retry_after` is in seconds, or None where waiting does not help."""

    code = "unavailable"
    hint = "Try again in a moment."

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, details=details)
        self.retry_after = retry_after


class CaptureError(MunimentError):
    """The world could not be observed: a file, a repository, an environment."""

    code = "capture-failed"
    hint = "Nothing was recorded; correct the cause and run the command again."


class InvariantError(Exception):
    """A promise that this code makes to itself is broken: a bug of ours, never of the caller."""
