"""Policy files on disk, and the three that come with Muniment: `solo`, `team`, `regulated` (docs/policy.md)."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path

from muniment.core.rules import policy_text
from muniment.core.rules.policy_text import File
from muniment.errors import InvalidInput, NotFound, Unavailable

READY = ("solo", "team", "regulated")
DEFAULT = "solo"
MAX_FILE_BYTES = 4 * policy_text.MAX_FILE_CHARACTERS


def load(named: str) -> File:
    """The policy of a file, or a ready one by its name; `./team` is the file of that name.

    Raises NotFound (`no-policy-file`), Unavailable, and InvalidInput (`bad-policy-file`) with the line and the mend.
    """
    text = read(named)
    if named in READY:
        return policy_text.parse_file(text)
    try:
        return policy_text.parse_file(text)
    except InvalidInput as error:
        raise _in_file(named, error) from None


def read(named: str) -> str:
    """The text of a policy file, or of a ready one. Raises as `load`."""
    if named in READY:
        return resources.files("muniment").joinpath("policies", f"{named}.toml").read_text(encoding="utf-8")
    path = Path(named)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        near = difflib.get_close_matches(named, READY, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Name a file, or one of the ready policies: {', '.join(READY)}."
        raise NotFound(f"there is no policy file {named!r}", code="no-policy-file", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unavailable(f"{named!r} cannot be read: {reason}", code="policy-file-unreadable", hint="Name a file.") from None
    if len(raw) > MAX_FILE_BYTES:
        hint = f"A policy file has at most {MAX_FILE_BYTES} bytes: is this the right file?"
        raise InvalidInput(f"{named}, line 1: the file is far too large", code="bad-policy-file", hint=hint)
    try:
        return policy_text.decode(raw)
    except InvalidInput as error:
        raise _in_file(named, error) from None


def _in_file(named: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(f"{named}, {error}", code=error.code, hint=error.hint, details=error.details)
