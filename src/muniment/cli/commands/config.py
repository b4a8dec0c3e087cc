"""`muniment config`"""

from __future__ import annotations

import os
from pathlib import Path

import click

from muniment.cli import output, session
from muniment.cli.groups import Group
from muniment.config import Config, Explanation, Setting


@click.group(cls=Group, invoke_without_command=True)
@session.common
@click.pass_context
def command(ctx: click.Context, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Show every setting, its value, and which source won. `config explain KEY` shows what each source says."""
    settings = session.resolve(home, actor, as_json)
    ctx.obj = settings
    if ctx.invoked_subcommand is not None:
        return
    rows = [[each.key, _show(each.key, each.value), _place(each)] for each in settings.explanations]
    value = {each.key: {"value": _plain(each.key, each.value), "from": each.layer} for each in settings.explanations}
    output.result(
        value,
        settings.output == "json",
        [*output.table(rows, ["key", "value", "from"]), "", "Next: muniment config explain home"],
    )


@command.command("explain", short_help="What each source says about KEY, and which one won.")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def explain(settings: Config, key: str, as_json: bool) -> None:
    """What each source says about KEY, the strongest first, and which one won."""
    found = settings.explain(key.replace("-", "_"))
    rows = [
        ["→" if each.layer == found.layer else "", each.layer, each.place or "-", _show(found.key, each.value)]
        for each in found.said
    ]
    value = {
        "key": found.key,
        "value": _plain(found.key, found.value),
        "from": found.layer,
        "said": [{"layer": each.layer, "place": each.place, "value": _plain(found.key, each.value)} for each in found.said],
    }
    output.result(
        value,
        as_json or settings.output == "json",
        [f"{output.strong(found.key)} = {_show(found.key, found.value)}", "", *output.table(rows, ["", "source", "place", "says"])],
    )


def _place(explanation: Explanation) -> str:
    if explanation.layer is None:
        return "follows from url" if explanation.key == "home" else "nobody says"
    place = next((each.place for each in explanation.said if each.layer == explanation.layer), "")
    return f"{explanation.layer} ({place})" if place else explanation.layer


def _show(key: str, value: Setting | None) -> str:
    plain = _plain(key, value)
    return "-" if plain is None else str(plain).lower() if isinstance(plain, bool) else plain


def _plain(key: str, value: Setting | None) -> str | bool | None:
    """A value as it is printed; of a secret only that there is one."""
    if key == "token" and value is not None:
        return "(hidden)"
    return os.fspath(value) if isinstance(value, Path) else value
