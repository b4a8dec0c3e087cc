"""The way in: what is measured, where its answer is kept, and that whatever goes wrong is a no."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path

import msgspec

from muniment.capture.hashing import Progress
from muniment.client import capturing, standpoint
from muniment.client.capturing import PathLike
from muniment.client.gating import asking
from muniment.client.gating.decision import Gated, Glass, blame, refuse
from muniment.client.gating.gate import Gate
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.format import digest
from muniment.core.proof.inquiry import GateQuestion
from muniment.errors import CaptureError, InvalidInput, MunimentError

SUFFIX = ".muniment-gate.json"
DEFAULT_LENGTH = timedelta(hours=4)
"""How long a broken glass lets something start, unless it is said."""

_digest = re.compile(r"[0-9a-f]{64}")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a gate decides.

    receipt: the file where the answer is kept; beside the files, where none is named
    max_age: how old a kept answer may be, in seconds, or that of a ledger which may show an older state
    progress: follows the hashing
    """

    receipt: Path | None = None
    max_age: int
    progress: Progress | None = None


def gate(settings: Config, deployment: str, target: PathLike, terms: Terms, *, broken: Glass | None = None) -> Gated:
    """May what is at `target` (files, or a digest of 64 hex digits) start as `deployment` (ENVIRONMENT/NAME)?

    `broken`: somebody breaks the glass where it may not. Never raises: what goes wrong is an answer too, and it says no.
    """

    def open_gate(question: GateQuestion) -> Gate:
        stand = standpoint.take(settings)
        receipt = terms.receipt or place(target, question, stand)
        return Gate(stand, question, receipt, lambda: _reach(settings, stand, terms), max_age=terms.max_age, actor=settings.actor)

    return _answer(deployment, target, terms, open_gate, broken)


def gate_through(writer: Writer, deployment: str, target: PathLike, terms: Terms, *, broken: Glass | None = None) -> Gated:
    """As `gate`, where a ledger is open already."""

    def open_gate(question: GateQuestion) -> Gate:
        stand = Standpoint(trust=writer.trust, pins=writer.pins, home=writer.home)
        receipt = terms.receipt or place(target, question, stand)
        return Gate(stand, question, receipt, lambda: nullcontext(writer), max_age=terms.max_age, actor=writer.named)

    return _answer(deployment, target, terms, open_gate, broken)


def _reach(settings: Config, stand: Standpoint, terms: Terms) -> AbstractContextManager[Writer]:
    return asking.reach_node(settings, stand, terms.max_age) if settings.url else asking.reach_folder(stand, settings.actor)


def _answer(
    deployment: str, target: PathLike, terms: Terms, open_gate: Callable[[GateQuestion], Gate], broken: Glass | None
) -> Gated:
    version = ""
    try:
        version = measure(target, terms.progress)
        opened = open_gate(ask_for(deployment, version))
    except Exception as error:
        return refuse(deployment, _name_error(error), version=version)
    try:
        gated, believed = opened.decide(), True
    except Exception as error:
        # Whatever it is, something is about to serve, and nobody has said that it may.
        gated, believed = refuse(deployment, _name_error(error), version=version), False
    if broken is None:
        return gated
    if gated.allowed:
        return msgspec.structs.replace(gated, notes=(*gated.notes, "It may start anyhow: no glass was broken."))
    try:
        return opened.break_glass(gated, broken, tell=believed)
    except Exception as error:
        named = _name_error(error)
        return msgspec.structs.replace(gated, causes=(*gated.causes, blame(named, named.code, "The glass could not be broken")))


def _name_error(error: Exception) -> MunimentError:
    if isinstance(error, MunimentError):
        return error
    said = f"{type(error).__name__}: {error}"
    return MunimentError(said, code="unexpected", hint="This is a mistake of the gate: report it.")


def measure(target: PathLike, progress: Progress | None = None) -> str:
    """The digest that is asked about: the one given, or that of the files, as they are registered. Raises CaptureError."""
    digest_given = _name_digest(target)
    if not digest_given and not os.path.lexists(os.fspath(target)):
        hint = "Name the folder or file that is to start, or its whole digest (64 hex digits)."
        raise CaptureError(f"there is nothing at {os.path.abspath(os.fspath(target))}", code="missing", hint=hint)
    return digest_given or capturing.read(os.fspath(target), progress).digest


def ask_for(deployment: str, version: str) -> GateQuestion:
    """The question whether a version may start. Raises InvalidInput (`bad-deployment`)."""
    environment, _, name = deployment.partition("/")
    try:
        return msgspec.convert({"ask": "gate", "environment": environment, "name": name, "version": version}, GateQuestion)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{deployment[:200]!r} is no deployment", code="bad-deployment", hint="Write it like production/credit-risk."
        ) from None


def place(target: PathLike, question: GateQuestion, stand: Standpoint) -> Path:
    """Where the ledger's answer is kept: beside the files; for a digest alone in the folder of what this client remembers."""
    if _name_digest(target):
        asked = f"{stand.trust.ledger}/{question.environment}/{question.name}/{question.version}"
        return stand.pins.folder.parent / "gate" / f"{digest.format(digest.sha256(asked.encode()))}{SUFFIX}"
    path = Path(os.path.abspath(os.fspath(target)))
    return path.with_name(f"{path.name}{SUFFIX}")


def _name_digest(target: PathLike) -> str:
    """The digest that a target is, empty for files: also for those that lie under a digest as their name, true or not."""
    text = os.fspath(target)
    return text if _digest.fullmatch(text) and not os.path.lexists(text) else ""
