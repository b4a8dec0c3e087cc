"""How a change is asked for that others must agree to: said only (`--propose`), agreed to (`--approve`), or else recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import click

R = TypeVar("R")


class Manner(NamedTuple):
    """What was typed. `expires_at`: until when an approval counts; `reason`: why, in words."""

    proposing: bool
    approving: bool
    expires_at: str | None
    reason: str | None


def follow(enough: bool, change: str, look: str) -> str:
    """What comes next once somebody agreed: the command that makes the change, or else the one that says who is asked for."""
    return change if enough else f"{look}, which says who is still missing"


def asked(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of a change, and `manner`, once one thing alone is asked for."""

    @click.option("--propose", "proposing", is_flag=True, help="Say who must agree and who has. Records nothing.")
    @click.option("--approve", "approving", is_flag=True, help="Agree to it, as yourself, and record nothing else.")
    @click.option("--expires-at", metavar="TIME", help="With --approve: until when it counts; a date or a time, UTC.")
    @click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
    @functools.wraps(function)
    def wrapped(*args: object, proposing: bool, approving: bool, expires_at: str | None, reason: str | None, **kwargs: object) -> R:
        if proposing and approving:
            raise click.UsageError("--propose and --approve are two things: give one.")
        if expires_at is not None and not approving:
            raise click.UsageError("--expires-at belongs to --approve.")
        return function(*args, manner=Manner(proposing, approving, expires_at, reason), **kwargs)

    return wrapped
