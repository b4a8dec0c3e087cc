"""Groups of commands that answer a near miss with what was probably meant."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping

import click


class Group(click.Group):
    """A group whose commands keep the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed. Raises UsageError."""
        name, known = args[0] if args else "", self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise click.UsageError(f"There is no command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""), ctx)
        return super().resolve_command(ctx, args)


def with_others(aside: Mapping[str, str]) -> type[Group]:
    """A group that also has commands of other modules, by name: those are imported when they are called."""

    class Wider(Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return [*super().list_commands(ctx), *aside]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in aside:
                return super().get_command(ctx, cmd_name)
            found = importlib.import_module(aside[cmd_name]).command
            assert isinstance(found, click.Command)
            return found

    return Wider
