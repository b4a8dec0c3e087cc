"""`muniment node`"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import MappingProxyType

import click

from muniment import exits
from muniment.cli import output, session
from muniment.cli.groups import with_others
from muniment.errors import InvalidInput

_file = click.Path(path_type=Path)
_NEEDED = ("google.protobuf", "litestar", "uvicorn")

_ASIDE = MappingProxyType({"join": "muniment.cli.commands.node_join", "repair": "muniment.cli.commands.node_repair"})
"""What looks after a node that is not well has modules of its own."""


@click.group(cls=with_others(_ASIDE))
def command() -> None:
    """One member's node of a ledger that several organisations run together.

    `muniment consortium` sets it up; this runs it, says how it stands, and mends it.
    """


@command.command("start", short_help="Run the node until it is told to stop.")
@click.option("--home", metavar="DIR", type=_file, help="The node's ledger; default .muniment.")
@click.option("--host", metavar="ADDRESS", help="The address to serve at, instead of the one in node.toml.")
@click.option("--port", type=int, metavar="PORT", help="The port, instead of the one in node.toml. With 0 the system chooses one.")
@click.option("--public", is_flag=True, default=None, help="Let everybody read checkpoint and tiles, and nothing else.")
@click.option("--url", metavar="URL", help="How callers reach this node, where a proxy stands before it.")
@click.option("--proxy", "proxies", multiple=True, metavar="ADDRESS", help="Believe the X-Forwarded headers of this proxy; repeat.")
@click.option("--tls-certificate", "certificate", type=_file, metavar="FILE", help="A PEM file with the certificate and its chain.")
@click.option("--tls-key", "certificate_key", type=_file, metavar="FILE", help="The certificate's key, a PEM file.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="How log lines are written; default text on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="At the start, one JSON object on standard output.")
def start(home: Path | None, as_json: bool, **said: object) -> None:
    """Run the node: the ledger, its pages and interface, and the engine that agrees with the other members.

    All of it is watched: what ends or hangs is started again. It runs until Ctrl-C or SIGTERM, and loses nothing that was
    confirmed. Addresses are in node/node.toml in the ledger's folder.
    """
    _require_packages()
    from muniment.node.homes import NodeHome
    from muniment.node.process import start as starting

    settings = session.resolve(home, None, as_json)
    typed = {key: os.path.abspath(value) if isinstance(value, Path) else value for key, value in said.items()}
    form = str(typed.pop("log_format") or ("text" if sys.stderr.isatty() else "json"))
    told = starting.prepare(
        NodeHome(settings.home.absolute()),
        os.environ,
        {**typed, "log_format": form},
        log_format=form,
        as_json=settings.output == "json",
        say=output.note,
    )
    starting.become(told)


@command.command("status", short_help="How the node stands, and what is wrong.")
@click.option("--home", metavar="DIR", type=_file, help="The node's ledger; default .muniment.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def status(home: Path | None, as_json: bool) -> int:
    """Say how the node in a folder stands: its ledger, its engine, the other members, and what is wrong.

    Exit code 0: all is well. 1: something is wrong, or the node does not run, or not quite yet.
    """
    from muniment.cli import standing
    from muniment.node.homes import NodeHome
    from muniment.node.process import standing as standings

    settings = session.resolve(home, None, as_json)
    found = standings.look(NodeHome(settings.home.absolute()))
    output.result(found, settings.output == "json", standing.tell(found))
    return exits.OK if found.well else exits.FAILURE


def _require_packages() -> None:
    """Raise InvalidInput (`no-consortium`) where this installation has not what a node is made of."""
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            raise InvalidInput(
                f"this installation cannot run a node: {name} is missing",
                code="no-consortium",
                hint="Install the rest: pip install 'muniment[consortium]'.",
            ) from None
