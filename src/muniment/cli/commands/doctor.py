"""`muniment doctor`"""

from __future__ import annotations

import os
from pathlib import Path

import click

from muniment import exits
from muniment.cli import output, session
from muniment.client import health
from muniment.client.health import Check, Examined
from muniment.ledger.embedded import system_clock
from muniment.node import places

_MARKS = {"ok": "OK", "warning": "warning", "problem": "PROBLEM"}


@click.command()
@session.common
def command(home: Path | None, actor: str | None, as_json: bool) -> int:
    """Check this machine and this ledger, and say what to mend.

    Exit code 0: nothing must be mended; warnings are for you to weigh. 1: something must be.
    """
    settings = session.resolve(home, actor, as_json)
    found = health.examine(settings, system_clock())
    if settings.url is None and (settings.home / places.FOLDER).is_dir():
        # Only who runs a node pays for what knows one.
        from muniment.node.homes import NodeHome
        from muniment.node.process import health as node_health

        found = Examined(checks=(*found.checks, *node_health.examine(NodeHome(settings.home), os.environ)))
    value = {"well": found.is_well, "checks": found.checks}
    output.result(value, settings.output == "json", [line for check in found.checks for line in _tell(check)])
    return exits.OK if found.is_well else exits.FAILURE


def _tell(check: Check) -> list[str]:
    style = {"ok": output.good, "warning": output.strong, "problem": output.bad}[check.grade]
    mark = _MARKS[check.grade]
    line = f"{style(mark)}{' ' * (8 - len(mark))} {check.name}: {check.said}"
    return [line, *([f"         {check.mend}"] if check.mend else [])]
