"""`muniment tokens`"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from muniment.cli import arguments, output, session
from muniment.cli.groups import Group
from muniment.client import moments
from muniment.errors import NotFound
from muniment.ledger.embedded import system_clock
from muniment.server.access import journal, store
from muniment.server.access.tokens import Token, Tokens, Wish
from muniment.server.caller import Scope
from muniment.server.process import options

P = ParamSpec("P")
R = TypeVar("R")

HEADS = ("id", "name", "scopes", "only for", "ends", "last used", "standing")
LOG_HEADS = ("time", "caller", "status", "bytes", "request")


def _common(function: Callable[P, R]) -> Callable[P, R]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
        click.option(
            "--config",
            "file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="The server's file, as `muniment serve` was given it; it says both folders.",
        ),
        click.option(
            "--state", metavar="DIR", type=click.Path(path_type=Path), help="The server's own folder; default HOME/server."
        ),
        click.option(
            "--home", metavar="DIR", type=click.Path(path_type=Path), help="The served ledger's folder; default .muniment."
        ),
    ):
        function = option(function)
    return function


@click.group(cls=Group)
def command() -> None:
    """Who may call a server: make, list and revoke tokens, and read what was asked with them.

    A token lets a program or a browser reach a ledger that `muniment serve` serves. It signs nothing: what is recorded is still
    decided by signatures and rules. These commands work on the server's own folder, also while it runs.
    """


@command.command("create", short_help="Make a token, which is shown once.")
@click.option("--name", required=True, metavar="TEXT", help="What the token is for, such as CI.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "admin"]),
    help="What it may do; default read. Who may write may read too, and admin includes both.",
)
@click.option("--ledger", "ledgers", multiple=True, metavar="NAME", help="Only for /l/NAME/; repeat for several, without: all.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Its events name only this; repeat for several.")
@click.option("--expires", type=arguments.Length(), metavar="TIME", help="When it ends, such as 90d or 12h; without: never.")
@click.option("--quiet", is_flag=True, help="Print the token alone.")
@_common
def create(
    name: str,
    scopes: tuple[Scope, ...],
    ledgers: tuple[str, ...],
    environments: tuple[str, ...],
    expires: timedelta | None,
    quiet: bool,
    home: Path | None,
    state: Path | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Make a token and print it. It is shown this once: only its digest is kept."""
    wish = Wish(
        name=name,
        scopes=_widen(scopes),
        ledgers=ledgers,
        environments=environments,
        expires_at=None if expires is None else moments.write(expires),
    )
    with _tokens(home, state, file, as_json, make=True, ledgers=ledgers) as (tokens, _, json):
        made = tokens.create(wish, by=f"{getpass.getuser()} at the command line")
    output.result(made, json, [made.token])
    if quiet or json:
        return
    output.note(f"{made.made.name} may {', '.join(made.made.scopes)}{_only(made.made)}, {_end(made.made)}.")
    output.note("This is the only time that the token is shown. Keep it where programs keep secrets.")
    output.note("Next, where it is used: MUNIMENT_URL=… MUNIMENT_TOKEN=… muniment doctor")
    output.note(f"To end it: muniment tokens revoke {made.made.id}")


@command.command("list")
@_common
def list_tokens(home: Path | None, state: Path | None, file: Path | None, as_json: bool) -> None:
    """List every token, the newest first: what it may do, and whether it is still used. Nobody can see its secret."""
    with _tokens(home, state, file, as_json) as (tokens, _, json):
        found, now = tokens.list(), system_clock()
    rows = [
        [
            each.id,
            each.name,
            ", ".join(each.scopes),
            ", ".join([*each.ledgers, *each.environments]) or "-",
            output.when(each.expires_at) if each.expires_at else "never",
            output.when(each.last_used_at) if each.last_used_at else "never",
            each.standing(now),
        ]
        for each in found
    ]
    output.result({"tokens": found}, json, output.table(rows, HEADS) if rows else ["Nobody has a token yet."])


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@_common
def revoke(token_id: str, home: Path | None, state: Path | None, file: Path | None, as_json: bool) -> None:
    """End the token with this ID. A running server refuses it within two seconds; who signed in with it is signed out."""
    with _tokens(home, state, file, as_json) as (tokens, _, json):
        done = tokens.revoke(token_id)
    output.result(done, json, [f"The token {done.id} ({done.name}) has ended."])


@command.command("log", short_help="What was read and asked, by whom and when.")
@click.option("--ledger", default="", metavar="NAME", help="The log of /l/NAME/; without: of the ledger at the root.")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The newest N lines.")
@_common
def log(ledger: str, last: int, home: Path | None, state: Path | None, file: Path | None, as_json: bool) -> None:
    """Show the access log of a ledger, the newest request last."""
    with _tokens(home, state, file, as_json) as (_, folder, json):
        lines = journal.read_last(folder / journal.FOLDER, ledger, last)
    rows = [
        [
            output.when(each.time),
            _show(f"{each.caller} ({each.kind})"),
            str(each.status),
            str(each.bytes),
            _show(" ".join([each.method, each.path, each.thing]).rstrip()),
        ]
        for each in lines
    ]
    output.result({"requests": lines}, json, output.table(rows, LOG_HEADS) if rows else ["Nothing was asked yet."])


@contextmanager
def _tokens(
    home: Path | None, state: Path | None, file: Path | None, as_json: bool, *, make: bool = False, ledgers: Sequence[str] = ()
) -> Iterator[tuple[Tokens, Path, bool]]:
    """The server's tokens, its folder, and whether to answer in JSON. `ledgers` are names that the server's file must know.

    Raises NotFound where no server keeps anything, and InvalidInput for a bad file.
    """
    settings = session.resolve(home, None, as_json)
    said = options.resolve({"state": state and str(state.absolute())}, settings.home, file)
    known_names = [each.name for each in said.ledgers]
    if file is not None and (strange := [each for each in ledgers if each not in known_names]):
        raise NotFound(f"{file} serves no ledger {strange[0]!r}", code="no-such-ledger", hint=f"It serves {known_names}.")
    folder = said.state
    known = (folder / store.FILE).exists() or (make and (state is not None or said.ledgers[0].home.is_dir()))
    if not known:
        raise NotFound(
            f"no server keeps its tokens in {folder}",
            code="no-server-state",
            hint="Name it with --config, --home or --state, as `muniment serve` was given them.",
        )
    with closing(store.open(folder)) as file:
        yield Tokens(file), folder, settings.output == "json"


def _widen(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Who writes must read to verify what was written."""
    return ("read", "write") if scopes and set(scopes) <= {"read", "write"} and "write" in scopes else scopes or ("read",)


def _only(token: Token) -> str:
    places = [f"in {', '.join(token.ledgers)}"] if token.ledgers else []
    places += [f"about {', '.join(token.environments)}"] if token.environments else []
    return f", only {' and '.join(places)}" if places else ""


def _end(token: Token) -> str:
    return f"until {output.when(token.expires_at)}" if token.expires_at else "until it is revoked"


def _show(text: str) -> str:
    """A text that a stranger chose, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
