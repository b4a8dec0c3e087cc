"""What a client remembers of the ledgers that it met, so that none of them can show it two histories (docs/spec, section 11.4).

    pins = Pins(state_folder / "pins")
    contact = pins.check(view.checkpoint, trust, view.consistency)      # at each contact; SplitView where it contradicts

One file an origin, named by the SHA-256 of the origin (0600 in a folder 0700): the newest checkpoint that was accepted. A pin
only moves forward, and only to a checkpoint that is shown to continue it. What a crash leaves:

- before the rename: the old pin, and perhaps an `.unfinished` file, which nobody reads.
- after the rename: the new pin. It is on disk before `check` returns, so what a caller was told is remembered.

A contradiction moves no pin. Both signed checkpoints are written to `evidence-<digest>.json` beside the pins, which anybody
can verify (core.proof.evidence), and SplitView names that file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from muniment import disk
from muniment.core.format import digest, keys
from muniment.core.proof import authority, evidence
from muniment.core.proof.authority import Head
from muniment.core.proof.evidence import Evidence, Pin, Prove, SplitView
from muniment.core.proof.trust import Trust
from muniment.errors import CorruptStore, InvalidInput, Unavailable


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact with a ledger came to.

    `first`: nothing was known of it, so this was trust on first use, which the caller says aloud with `fingerprint`.
    `same`: it stands where it stood. `newer`: it has grown and shown that it only grew.
    """

    relation: Literal["first", "same", "newer"]
    pin: Pin
    fingerprint: str


class Pins:
    """The pins in one folder, made by the first `check`. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, origin: str) -> Pin | None:
        """The pin of an origin, if there is one. Raises CorruptStore (`bad-pin`), Unavailable (`pin-unreadable`)."""
        path = self._path(origin)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"the pin {path} cannot be read: {error.strerror}", code="pin-unreadable") from None
        try:
            pin = evidence.decode_pin(raw)
        except InvalidInput as error:
            raise _bad_pin(path, str(error)) from None
        if pin.origin != origin:
            raise _bad_pin(path, f"it is about {pin.origin}")
        return pin

    def check(self, note: bytes, trust: Trust, consistency: Prove) -> Contact:
        """Compare what a ledger shows now with what is pinned, and pin it. `consistency` asks the ledger for a proof.

        Raises VerificationError (steps 2 to 4) for a checkpoint that is not the ledger's; SplitView for an older state, two
        roots of one size, or growth that is not shown to be growth, with the evidence file in its details; CorruptStore for
        a damaged pin; Unavailable (`pin-unwritable`) where the folder cannot be written: nothing is believed unremembered.
        """
        head = authority.open_head(note, trust)
        authority.check_vote(head, trust)
        while True:
            before = self.load(trust.origin)
            relation: Literal["first", "same", "newer"] = "first"
            if before is not None:
                relation = "same" if self._compare(before, head, consistency) == "same" else "newer"
            now = before if before is not None and relation == "same" else evidence.pin(head)
            if now == before or self._replace(before, now):
                return Contact(relation=relation, pin=now, fingerprint=fingerprint(trust))

    def _compare(self, before: Pin, head: Head, consistency: Prove) -> evidence.Relation:
        try:
            return evidence.check(before, head, consistency, contact=True)
        except SplitView as split:
            raise SplitView(split.evidence, path=self.keep(split.evidence)) from None

    def _replace(self, before: Pin | None, now: Pin) -> bool:
        """Pin `now` in place of `before`; False where another process has pinned something meanwhile."""
        path = self._path(now.origin)
        try:
            self._make_folder()
            with _locked(path.with_suffix(".lock")):
                if self.load(now.origin) != before:
                    return False
                disk.replace(path, evidence.encode_pin(now), mode=disk.PRIVATE)
                return True
        except OSError as error:
            raise Unavailable(
                f"what was seen of {now.origin} cannot be kept in {self.folder}: {error.strerror}",
                code="pin-unwritable",
                hint="Make room, or choose another state folder.",
            ) from None

    def keep(self, found: Evidence) -> str:
        """Write the evidence file and return its path; empty where the disk refuses, since the alarm matters more."""
        raw = evidence.encode(found)
        path = self.folder / f"evidence-{digest.format(digest.sha256(raw))[:16]}.json"
        try:
            self._make_folder()
            if not path.exists():
                disk.replace(path, raw, mode=disk.PRIVATE)
        except OSError:
            return ""
        return str(path)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, origin: str) -> Path:
        return self.folder / f"{digest.format(digest.sha256(origin.encode()))}.json"


def fingerprint(trust: Trust) -> str:
    """What two people compare aloud before they trust the same ledger: its id, and the SHA-256 of whom they believe, shortened.

    That is the log's first key; where members vote, all of their keys.
    """
    believed = [each.verifier for each in trust.cosigners] if trust.votes else trust.log_keys[:1]
    text = "\n".join(sorted(map(keys.format, believed)))
    return f"{trust.ledger[:16]}-{digest.format(digest.sha256(text.encode()))[:16]}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of one origin. The file stays: removing it would let two processes lock two files."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _bad_pin(path: Path, reason: str) -> CorruptStore:
    return CorruptStore(
        f"the pin {path} is damaged: {reason}",
        code="bad-pin",
        hint="Find out what changed it before you remove it: without it nothing shows whether the ledger was rewritten.",
        details={"path": str(path)},
    )
