"""`muniment keys`"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.cli.groups import Group
from muniment.client import identity, key_request, opening
from muniment.client.home import Home
from muniment.client.identity import Holder
from muniment.client.key_request import Request
from muniment.client.ledger import Ledger
from muniment.config import Config
from muniment.core.rules.genesis import Kind
from muniment.core.rules.records import Actor
from muniment.errors import MunimentError, NotFound
from muniment.index.rows import EventRow, KeyRow

HEADS = ("actor", "kind", "roles", "key", "standing", "file")
MAX_WIDTH = 120
"""So wide the list is at most, unless a name alone is longer than its cell."""
MIN_CELL = 12

_ended = click.argument("key")
_reason = click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")


@click.group(cls=Group)
def command() -> None:
    """Who may write, with which keys: request, admit, list, roles, rotate, revoke, compromise.

    A second person makes a key with `request`, on any machine, and hands the printed line over; who may enrol others admits it.
    """


@command.command("request", short_help="Make a key, and print the line that asks for its admission.")
@click.option("--origin", metavar="ORIGIN", help="The ledger's origin; not needed where the ledger lies here.")
@click.option("--kind", type=click.Choice(get_args(Kind)), default="person", show_default=True, help="What the actor is.")
@click.option("--new", is_flag=True, help="Make another key although one lies here, such as for one that has ended.")
@session.common
def request(origin: str | None, kind: Kind, new: bool, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Make a key for the actor named by --actor, and print the line that asks for its admission.

    The line holds no secret. The key stays in its file; whoever reads that can sign in the actor's name.
    """
    settings = session.resolve(home, actor, as_json)
    place = Home(settings.home)
    if settings.actor is None:
        raise click.UsageError("Say whose key it is with --actor: a pseudonym, because what is written in a ledger stays.")
    asked = identity.request(place, origin or _origin_here(settings), settings.actor, kind, new=new)
    line, path = key_request.format(asked), place.actor_key(asked.actor)
    value = {"request": line, "actor": asked.actor, "key": asked.key, "fingerprint": asked.fingerprint, "file": str(path)}
    output.result(value, settings.output == "json", [line])
    output.note(f"The key of {asked.actor} for {asked.origin} is {path}")
    output.note(f"  fingerprint  {asked.fingerprint}")
    output.note(_hand_in(settings, asked))
    output.note("Compare the fingerprint over another channel than the line itself.")
    responsible = " --responsible PERSON" if kind == "service" else ""
    output.note(f"Next, by them: muniment keys admit LINE --role ROLE{responsible}")


@command.command("job", short_help="Make a key for a job, admitted by the token of its identity provider.")
@session.common
def job(home: Path | None, actor: str | None, as_json: bool) -> None:
    """Make a key for the actor named by --actor, and have the node admit it for as long as a job lasts.

    MUNIMENT_TOKEN holds the token that the job's identity provider (OIDC) gave it; the node must be set up for that provider. The
    key ends by itself. Needs a node (MUNIMENT_URL).
    """
    settings = session.resolve(home, actor, as_json)
    if settings.url is None or settings.actor is None:
        raise click.UsageError("Say at which node with MUNIMENT_URL, and who the job is with --actor.")
    from muniment.client.remote import admission

    found = admission.admit_job(settings, _origin_here(settings), settings.actor)
    output.result(
        found,
        settings.output == "json",
        [f"{found.actor} signs with the key {output.short(found.key)} until {output.when(found.expires_at)}"],
    )


@command.command("import", short_help="Take over a key file that lies elsewhere on this machine.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@session.common
def import_key(file: Path, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Copy the key in FILE to where this client keeps its keys for the ledger, such as for working through a node.

    The key must have been made for this ledger. Whoever reads either file can sign in the actor's name: remove the one that is not
    needed any more.
    """
    settings = session.resolve(home, actor, as_json)
    held = identity.import_key(Home(settings.home), _origin_here(settings), file)
    path = Home(settings.home).actor_key(held.actor)
    value = {"actor": held.actor, "key": held.key, "file": str(path)}
    output.result(value, settings.output == "json", [f"The key {output.short(held.key)} of {held.actor} is {path}"])


@command.command("admit")
@click.argument("line", metavar="LINE")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="What the actor may do; repeat for several.")
@click.option("--organisation", metavar="NAME", help="The organisation that the actor belongs to.")
@click.option("--responsible", multiple=True, metavar="PERSON", help="Who answers for a service; repeat for several.")
@_reason
@session.writing
def admit(
    ledger: Ledger,
    line: str,
    roles: tuple[str, ...],
    organisation: str | None,
    responsible: tuple[str, ...],
    reason: str | None,
    as_json: bool,
) -> None:
    """Admit the key that LINE asks for, and its actor if new.

    LINE is what `keys request` printed, or `-` for standard input. A new actor needs --role, and a service --responsible as
    well. An actor who is enrolled already gets one more key; roles that are given take the place of all that it has.
    """
    text = sys.stdin.read() if line == "-" else line
    # Mail programs break long lines.
    asked = key_request.parse("".join(text.split()))
    done = ledger.keys.admit(asked, roles=roles, organisation=organisation, responsible=responsible, reason=reason)
    details = [f"roles        {', '.join(roles)}"] if roles else []
    if organisation:
        details.append(f"organisation {organisation}")
    elif roles and ledger.members.in_force() is not None:
        details.append(f"organisation none; to give one: muniment keys roles {asked.actor} --organisation NAME")
    output.recorded(
        done,
        as_json,
        title=f"{asked.actor} ({asked.kind}) may sign with the key {output.short(asked.key)}",
        details=[*details, f"fingerprint  {asked.fingerprint}"],
        value={"actor": asked.actor, "key": asked.key, "recorded": done},
        after="muniment keys list",
    )


@command.command("list", short_help="List actors with their roles, and their keys over time.")
@click.argument("actor_id", metavar="[ACTOR]", required=False)
@session.with_ledger
def list_keys(ledger: Ledger, actor_id: str | None, as_json: bool) -> None:
    """List every actor, or ACTOR alone: what it may do, who answers for it, and each of its keys over time."""
    holders = [each for each in ledger.keys.holders() if actor_id in (None, each.actor.id)]
    if not holders:
        ledger.resolve(str(actor_id), ["actor"])
    output.result({"actors": holders}, as_json, output.table(_describe(ledger, holders), HEADS))


def _check_roles(roles: tuple[str, ...], none: bool, organisation: str | None, responsible: tuple[str, ...]) -> None:
    """Check that something changes, in one way. Raises UsageError."""
    if roles and none:
        raise click.UsageError("--none takes all roles away, and --role gives some: give one.")
    if not (roles or none or responsible or organisation):
        raise click.UsageError("Say what changes: --role, --none, --responsible or --organisation.")


@command.command("roles", short_help="Change what an actor may do, and who answers for it.")
@click.argument("actor_id", metavar="ACTOR")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="What the actor may do from now on; repeat for several.")
@click.option("--none", is_flag=True, help="Take all its roles away. Its own affairs, such as `keys rotate`, stay its own.")
@click.option("--organisation", metavar="NAME", help="The organisation that the actor belongs to.")
@click.option("--responsible", multiple=True, metavar="PERSON", help="Who answers for a service from now on; repeat for several.")
@_reason
@arguments.checked(_check_roles)
@session.writing
def change_roles(
    ledger: Ledger,
    actor_id: str,
    roles: tuple[str, ...],
    none: bool,
    organisation: str | None,
    responsible: tuple[str, ...],
    reason: str | None,
    as_json: bool,
) -> None:
    """Set what ACTOR may do, who answers for it, and where it belongs. What is not given stays; so do its keys.

    The roles that you give take the place of all that it has.
    """
    done = ledger.keys.assign(
        actor_id,
        roles=roles if roles or none else None,
        responsible=responsible or None,
        organisation=organisation,
        reason=reason,
    )
    state = ledger.state(f"actor/{actor_id}", Actor) or Actor(kind="person")
    details = [f"roles        {', '.join(state.roles) or 'none'}"]
    details += [f"responsible  {', '.join(state.responsible)}"] if state.responsible else []
    details += [f"organisation {state.organisation}"] if state.organisation else []
    value = {"actor": actor_id, "roles": state.roles, "responsible": state.responsible, "recorded": done}
    output.recorded(done, as_json, title=f"{actor_id} ({state.kind}) has changed", details=details, value=value)


@command.command("rotate")
@_reason
@session.writing
def rotate(ledger: Ledger, reason: str | None, as_json: bool) -> None:
    """Put a new key in the place of your own. The old one signs the change and nothing after it."""
    done = ledger.keys.rotate(reason=reason)
    title = f"{done.actor} now signs with the key {output.short(done.key)}"
    details = [f"in the place of {output.short(done.replaces)}, whose file is kept beside it"]
    if done.recorded is None:
        details.append("the ledger knew this already: an interrupted rotation is now complete")
        output.result(done, as_json, [output.strong(title), *(f"  {line}" for line in details)])
        return
    output.recorded(done.recorded, as_json, title=title, details=details, value=done, after="muniment keys list")


@command.command("revoke")
@_ended
@_reason
@session.writing
def revoke(ledger: Ledger, key: str, reason: str | None, as_json: bool) -> None:
    """End KEY (its digits or their beginning). What it signed before keeps its standing."""
    done = ledger.keys.revoke(key, reason=reason)
    output.recorded(done, as_json, title=f"The key {output.short(key)} has ended", after="muniment keys list")


@command.command("compromise")
@_ended
@click.option("--from", "from_index", type=click.IntRange(min=0), required=True, metavar="ENTRY", help="The first disputed entry.")
@_reason
@session.writing
def compromise(ledger: Ledger, key: str, from_index: int, reason: str | None, as_json: bool) -> None:
    """End KEY (its digits or their beginning) because others may hold it. What it signed from an entry on is disputed.

    Proofs from before still verify; those made from now on say what is disputed. A disputed approval or waiver counts nowhere.
    """
    done = ledger.keys.compromise(key, from_index, reason=reason)
    disputed = ledger.keys.signed(key, from_index)
    output.recorded(
        done,
        as_json,
        title=f"The key {output.short(key)} has ended, disputed from entry {from_index}",
        details=[f"disputed     entry {row.index}, {row.name} on {_call(row)}" for row in disputed]
        or ["it signed nothing since then"],
        value={"key": key, "fromIndex": from_index, "disputed": disputed, "recorded": done},
        after="muniment keys list",
    )


def _call(row: EventRow) -> str:
    """What an event was about, as people call it; a policy has no name but its digest."""
    return f"policy {output.short(row.digest)}" if row.digest and row.thing.startswith("approval/") else row.thing


def _hand_in(settings: Config, asked: Request) -> str:
    """Leave the request at the node, where there is one; what to do with the line otherwise."""
    by_hand = "Send the line above to somebody who may admit it."
    if settings.url is None:
        return by_hand
    from muniment.client.remote import admission

    try:
        admission.hand_in(settings, asked)
    except MunimentError as error:
        return f"It could not be left at the node ({error}). {by_hand}"
    return f"It waits at {settings.url} for somebody who may admit it, who finds it there under Keys; or send the line."


def _origin_here(settings: Config) -> str:
    try:
        return opening.meet(settings).origin
    except NotFound:
        raise click.UsageError("Say for which ledger with --origin; its owner sees it with `muniment doctor`.") from None


def _describe(ledger: Ledger, holders: Sequence[Holder]) -> list[list[str]]:
    """The rows of the table. What is said about an actor stands beside its first key; what is long goes on in further lines."""
    keys = [[line for key in holder.keys for line in _describe_key(ledger, holder, key)] for holder in holders]
    actors = max(len(each) for each in [HEADS[0], *(holder.actor.id for holder in holders)])
    right = [max(len(line[at]) for line in [HEADS[3:], *chain(*keys)]) for at in range(3)]
    # What is left for kinds and roles beside the other columns and the gaps between all of them.
    width = max(MIN_CELL, (MAX_WIDTH - actors - sum(right) - 2 * (len(HEADS) - 1)) // 2)
    rows = []
    for holder, lines in zip(holders, keys, strict=True):
        cells = zip_longest([holder.actor.id], _wrap(_kind(holder), width), _wrap(_roles(holder), width), fillvalue="")
        beside = zip_longest(cells, lines or [("none", "", "")], fillvalue=("", "", ""))
        rows += [[*left, *line] for left, line in beside]
    return rows


def _describe_key(ledger: Ledger, holder: Holder, key: KeyRow) -> list[tuple[str, str, str]]:
    """The lines of one key in the last three columns."""
    first, *more = _standing(ledger, key)
    return [(output.short(key.key), first, "here" if key.key == holder.here else ""), *(("", line, "") for line in more)]


def _kind(holder: Holder) -> str:
    actor = holder.actor
    kind = f"{actor.kind} of {', '.join(actor.responsible)}" if actor.responsible else actor.kind
    return f"{kind} ({actor.organisation})" if actor.organisation else kind


def _roles(holder: Holder) -> str:
    return ", ".join(holder.actor.roles) or "none"


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _standing(ledger: Ledger, key: KeyRow) -> list[str]:
    """How a key stands, and since when (entries, with the ledger's clock), in lines: one fact in each."""
    said = [f"in use {'since' if key.until is None else 'from'} entry {key.since} ({output.when(ledger.time_of(key.since))})"]
    if key.until is not None:
        said.append(f"ended at entry {key.until} ({output.when(ledger.time_of(key.until))})")
    if key.disputed_from is not None:
        said.append(f"disputed from entry {key.disputed_from} on")
    return [*said, f"expires {output.when(key.expires_at)}"] if key.expires_at else said
