"""Members of a consortium to be founded, each in a home of its own; for tests of the founding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from muniment.client import home as homes
from muniment.client.home import Home
from muniment.node.founding import answer as answers
from muniment.node.founding import draft as drafts
from muniment.node.founding import drafting, joining, sealing
from muniment.node.founding.answer import Answer
from muniment.node.founding.draft import Draft
from muniment.node.founding.joining import Asked, Invitation
from muniment.node.founding.sealing import Sealed

ORIGIN = "example.com/credit"
MEMBERS = ("auditor", "bank", "clinic", "lab")
TIME = "2026-11-23T14:00:00.000000Z"
NOW = 1_795_442_400_000_000


def clock() -> int:
    """A fixed moment after the draft."""
    return NOW


def draft(members: Sequence[str] = MEMBERS, *, policy: str = "team", publisher: str | None = "lab") -> Draft:
    """A draft of a new ledger."""
    return drafting.draft_new(ORIGIN, members, TIME, policy, publisher)


def invite(found: Draft) -> Invitation:
    """The draft as a member reads it from its file."""
    return joining.read_invitation(drafts.encode(found) + b"\n")


def join(folder: Path, found: Draft, organisation: str, **asked: str) -> Answer:
    """A member joins in a home of its own below `folder`; the answer as others read it from its file."""
    said = Asked(**{"person": f"{organisation}-ada", "p2p": f"{organisation}.example:26656", **asked})
    return answers.decode(answers.encode(joining.join(folder / organisation, invite(found), organisation, said)) + b"\n")


def join_all(folder: Path, found: Draft) -> list[Answer]:
    """All members join."""
    return [join(folder, found, each) for each in found.members]


def seal(folder: Path, found: Draft, organisation: str, given: Sequence[Answer]) -> Sealed:
    """A member seals what it got from the others."""
    home = folder / organisation
    return sealing.seal(home, sealing.gather(home, found, given), clock)


def solo(folder: Path, actor: str = "alice") -> Home:
    """A ledger of one operator."""
    return homes.found(folder, origin=ORIGIN, actor=actor)
