"""What the package of a hand-off tells: plain values, gathered from one view of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from muniment.client.showing import Shown
from muniment.core.format.encoding import Value
from muniment.index.rows import DeploymentRow, VersionRow

OpenKind = Literal["hold", "incident", "offer", "plan", "rejection", "requirement", "waiver", "withdrawal"]


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the next owner has to deal with: what it is, what it is about, and the sentence that says it."""

    kind: OpenKind
    about: str
    sentence: str


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A data set that a run read, or that a version learned from where no run says so."""

    role: str
    title: str
    digest: str
    licence: str
    withdrawn: bool


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a version was made, as far as it is recorded. What was not recorded is empty.

    commit: the commit of the code, `dirty` where it had changes that were not committed
    environment: digest of the list of packages, and the file of this package that holds it, where it is held here
    """

    run: str = ""
    status: str = ""
    commit: str = ""
    dirty: bool = False
    entry_point: str = ""
    container: str = ""
    environment: str = ""
    environment_file: str = ""
    hardware: str = ""
    seed: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    inputs: tuple[Input, ...] = ()
    bases: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A version that matters to the next owner: what is known of it, and how to make it again."""

    title: str
    digest: str
    shown: Shown
    recipe: Recipe
    prose: tuple[tuple[str, str], ...] = ()


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page. Times are those of the headers, the operator's claim."""

    model: str
    origin: str
    ledger: str
    size: int
    height: int
    sealed_at: str
    owner: str
    offered_to: str
    versions: tuple[VersionRow, ...]
    deployments: tuple[DeploymentRow, ...]
    told: tuple[Told, ...]
    open: tuple[Open, ...]
    files: tuple[str, ...] = ()


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package on disk: its folder, the digest that an offer names, and its files by name."""

    model: str
    folder: Path
    digest: str
    files: tuple[str, ...]
    open: tuple[Open, ...]


def text(value: Value | None) -> str:
    """A clear value of an event as a person reads it; nothing for what is absent or sealed."""
    match value:
        case None | dict():
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(text(each) for each in value)
    return str(value)
