"""`muniment tokens`"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta

import click

from muniment.cli import arguments, output
from muniment.cli.groups import Group
from muniment.cli.server_folder import Place, with_place
from muniment.client import moments
from muniment.errors import NotFound
from muniment.ledger.embedded import system_clock
from muniment.server.access import journal, links, store
from muniment.server.access.tokens import Token, Tokens, Wish
from muniment.server.caller import Scope

HEADS = ("id", "name", "scopes", "only for", "ends", "last used", "standing")
LOG_HEADS = ("time", "caller", "status", "bytes", "request")


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
@with_place
def create(
    place: Place,
    name: str,
    scopes: tuple[Scope, ...],
    ledgers: tuple[str, ...],
    environments: tuple[str, ...],
    expires: timedelta | None,
    quiet: bool,
) -> None:
    """Make a token and print it. It is shown this once: only its digest is kept."""
    wish = Wish(
        name=name,
        scopes=_widen(scopes),
        ledgers=ledgers,
        environments=environments,
        expires_at=None if expires is None else moments.write(expires),
    )
    with _tokens(place, make=True, ledgers=ledgers) as tokens:
        made = tokens.create(wish, by=f"{getpass.getuser()} at the command line")
    output.result(made, place.as_json, [made.token])
    if quiet or place.as_json:
        return
    output.note(f"{made.made.name} may {', '.join(made.made.scopes)}{_only(made.made)}, {_end(made.made)}.")
    output.note("This is the only time that the token is shown. Keep it where programs keep secrets.")
    output.note("Next, where it is used: MUNIMENT_URL=… MUNIMENT_TOKEN=… muniment doctor")
    output.note(f"To end it: muniment tokens revoke {made.made.id}")


@command.command("link", short_help="Make a link that signs in whoever opens it first, once.")
@click.option("--name", required=True, metavar="TEXT", help="Who is to be signed in, as the access log will call them.")
@click.option("--scope", type=click.Choice(["read", "write"]), default="read", show_default=True, help="What the session may do.")
@click.option("--address", metavar="URL", help="The server's address, where its file does not say it.")
@with_place
def link(place: Place, name: str, scope: Scope, address: str | None) -> None:
    """Make a link for a person with a browser. It works once, within ten minutes; send it by a way that others do not read."""
    settings = place.settings
    scheme = "http" if settings.certificate is None else "https"
    where = (address or settings.url or f"{scheme}://{settings.host}:{settings.port}").rstrip("/")
    made = links.make_link(settings, where, name=name, scopes=_widen((scope,)))
    output.result({"link": made}, place.as_json, [made])


@command.command("list")
@with_place
def list_tokens(place: Place) -> None:
    """List every token, the newest first: what it may do, and whether it is still used. Nobody can see its secret."""
    with _tokens(place) as tokens:
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
    output.result({"tokens": found}, place.as_json, output.table(rows, HEADS) if rows else ["Nobody has a token yet."])


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@with_place
def revoke(place: Place, token_id: str) -> None:
    """End the token with this ID. A running server refuses it within two seconds; who signed in with it is signed out."""
    with _tokens(place) as tokens:
        done = tokens.revoke(token_id)
    output.result(done, place.as_json, [f"The token {done.id} ({done.name}) has ended."])


@command.command("log", short_help="What was read and asked, by whom and when.")
@click.option("--ledger", default="", metavar="NAME", help="The log of /l/NAME/; without: of the ledger at the root.")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The newest N lines.")
@with_place
def log(place: Place, ledger: str, last: int) -> None:
    """Show the access log of a ledger, the newest request last."""
    with _tokens(place):
        lines = journal.read_last(place.settings.state / journal.FOLDER, ledger, last)
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
    output.result({"requests": lines}, place.as_json, output.table(rows, LOG_HEADS) if rows else ["Nothing was asked yet."])


@contextmanager
def _tokens(place: Place, *, make: bool = False, ledgers: Sequence[str] = ()) -> Iterator[Tokens]:
    """The server's tokens. `ledgers` are names that the server's file must know. Raises NotFound where no server keeps anything."""
    folder, names = place.settings.state, [each.name for each in place.settings.ledgers]
    if place.file is not None and (strange := [each for each in ledgers if each not in names]):
        known = ", ".join(each or "the one at the root" for each in names)
        raise NotFound(f"{place.file} serves no ledger {strange[0]!r}", code="no-such-ledger", hint=f"It serves {known}.")
    if not (folder / store.FILE).exists() and not (make and folder.parent.is_dir()):
        raise NotFound(
            f"no server keeps its tokens in {folder}",
            code="no-server-state",
            hint="Name it with --config, --home or --state, as `muniment serve` was given them.",
        )
    with closing(store.open(folder)) as file:
        yield Tokens(file)


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
