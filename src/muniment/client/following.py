"""A trust file that follows the members of its ledger (docs/spec, section 11.6).

    trust = Follower(place).follow(trust, steps)        # whom to believe from now on; the file at `place` says the same

Where the members changed and a quorum of those before confirms each change, the file is moved forward, aloud, and the former one
is kept beside it. A file that its reader named stays as it is: it is followed in memory only. What a crash leaves: before the
rename the former file, which is followed again at the next contact; after it the new one, and the former one beside it.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from muniment import disk
from muniment.core.proof import bundle as bundles
from muniment.core.proof import consortium
from muniment.core.proof import path as paths
from muniment.core.proof import trust as trusts
from muniment.core.proof.part import UNSET
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.ledger.pins import fingerprint


class MembersWarning(UserWarning):
    """The members of a ledger changed, and the trust file follows them."""


def warn(sentence: str) -> None:
    """Say aloud that the members changed."""
    warnings.warn(sentence, MembersWarning, stacklevel=2)


class Follower(msgspec.Struct, frozen=True):
    """How a reader follows the members: the trust file that moves, None where every file stays as it is; and how it is said."""

    place: Path | None = None
    tell: Callable[[str], None] = warn

    def follow(self, trust: Trust, steps: Sequence[Step]) -> Trust:
        """Whom to believe once a path was walked to its end.

        Raises as `paths.follow`, and Unavailable (`home-unwritable`) where the file cannot be written: then nothing is believed
        that is not remembered.
        """
        moved = paths.follow(trust, steps)
        if consortium.agree(moved, trust) and {*moved.log_keys} == {*trust.log_keys}:
            return trust
        kept = None
        if self.place is not None and self.place.exists():
            moved, kept = _move(self.place, trust, steps)
        self.tell(say(trust, moved, kept))
        return moved


def say(before: Trust, now: Trust, kept: Path | None = None) -> str:
    """What changed, for a person."""
    then = {each.organisation: each.verifier for each in before.cosigners}
    today = {each.organisation: each.verifier for each in now.cosigners}
    rotated = [each for each in sorted(then.keys() & today.keys()) if then[each] != today[each]]
    said = [
        *_list(sorted(today.keys() - then.keys()), "was admitted", "were admitted"),
        *_list(sorted(then.keys() - today.keys()), "is no member any more", "are no members any more"),
        *_list(rotated, "cosigns with another key", "cosign with other keys"),
    ]
    changed = f"The members of {now.origin} have changed: {'; '.join(said)}." if said else f"Another key publishes {now.origin}."
    # One operator's ledger has no quorum: his key signed the first change.
    who = "a quorum of the members before it" if before.quorum else "those who were believed before it"
    file = f" The trust file says so now; the former one is {kept}." if kept is not None else ""
    return f"{changed} Each change was confirmed by {who}.{file} The fingerprint is {fingerprint(now)} from now on."


def _list(names: Sequence[str], one: str, several: str) -> Iterator[str]:
    if names:
        yield f"{', '.join(names)} {one if len(names) == 1 else several}"


def _move(place: Path, trust: Trust, steps: Sequence[Step]) -> tuple[Trust, Path | None]:
    """Put the newest set into the trust file; what was found in it meanwhile counts where it is newer."""
    try:
        with _locked(place):
            text = place.read_text(encoding="utf-8")
            current = trusts.parse(text)
            try:
                moved = paths.follow(current, steps)
            except VerificationError:
                # Another process was led further already.
                return current, None
            if moved == current:
                return current, None
            kept = place.with_name(f"{place.stem}-until-{_end(current, steps)}{place.suffix}")
            with suppress(FileExistsError):
                os.link(place, kept)
            disk.replace(place, trusts.format(moved).encode())
            return moved, kept
    except (OSError, UnicodeDecodeError, InvalidInput) as error:
        raise Unavailable(
            f"{place} cannot be moved forward: {error}",
            code="home-unwritable",
            hint="What is not remembered is not believed. Make room, or restore the file.",
        ) from None


def _end(trust: Trust, steps: Sequence[Step]) -> int:
    """The size of the checkpoint that ended the time of a set: the name of its file tells until when it held."""
    walk = paths.check_path(trust, steps)
    ends = [bundles.read_size(each.note) for each in steps if each.note is not UNSET]
    return ends[min(walk.own or 0, len(ends) - 1)]


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One process at a time moves a trust file. The lock's file stays: removing it would let two processes lock two files."""
    descriptor = os.open(place.with_name(f".{place.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
