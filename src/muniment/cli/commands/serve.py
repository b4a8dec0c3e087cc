"""`muniment serve`"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from muniment import config
from muniment.errors import InvalidInput

_file = click.Path(path_type=Path)


@click.command()
@click.option("--home", metavar="DIR", type=_file, help="The ledger to serve at the root; default .muniment.")
@click.option("--ledger", "ledgers", multiple=True, metavar="NAME=DIR", help="Serve this ledger at /l/NAME/; repeat for several.")
@click.option("--host", metavar="ADDRESS", help="The address to listen at; default 127.0.0.1, this machine only.")
@click.option("--port", type=int, metavar="PORT", help="The port; default 8760. With 0 the system chooses one, which is said.")
@click.option("--workers", type=int, metavar="N", help="Processes that answer; default 1. With more, one other process writes.")
@click.option("--public", is_flag=True, default=None, help="Let everybody read checkpoint and tiles, and nothing else.")
@click.option("--url", metavar="URL", help="How callers reach this server, where a proxy stands before it.")
@click.option("--proxy", "proxies", multiple=True, metavar="ADDRESS", help="Believe the X-Forwarded headers of this proxy; repeat.")
@click.option("--tls-certificate", "certificate", type=_file, metavar="FILE", help="A PEM file with the certificate and its chain.")
@click.option("--tls-key", "certificate_key", type=_file, metavar="FILE", help="The certificate's key, a PEM file.")
@click.option("--state", type=_file, metavar="DIR", help="Where the server keeps what is its own; default DIR/server.")
@click.option("--config", "file", type=_file, metavar="FILE", help="A TOML file with all settings; options are stronger.")
@click.option(
    "--identity-actor", metavar="ID", help="The enrolled service that admits keys for jobs; its key lies in the ledger's folder."
)
@click.option("--webhooks-private", is_flag=True, default=None, help="Let webhooks go to addresses inside this network.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="How log lines are written; default text on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="At the start, one JSON object on standard output.")
def command(home: Path | None, ledgers: tuple[str, ...], file: Path | None, as_json: bool, **said: object) -> int:
    """Serve a ledger to a team: the interface for programs, and pages for people.

    Nobody reads anything without a token, unless --public opens checkpoint and tiles. A token lets somebody ask; what is
    recorded is decided by signatures and rules alone. It runs until Ctrl-C or SIGTERM, and loses nothing that it confirmed.
    """
    configured = config.resolve(
        os.environ, Path.cwd(), {"home": str(home) if home else None, "output": "json" if as_json else None}
    )
    try:
        from muniment.cli import hosting
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"this installation cannot serve: {error.name} is missing",
            code="no-server",
            hint="Install the rest: pip install 'muniment[server]'.",
        ) from None
    typed = {key: os.path.abspath(value) if isinstance(value, Path) else value for key, value in said.items()}
    typed["log_format"] = typed["log_format"] or ("text" if sys.stderr.isatty() and file is None else None)
    settings = hosting.resolve(typed, configured.home, ledgers, file, at_root=home is not None)
    return hosting.host(settings, configured.output == "json")
