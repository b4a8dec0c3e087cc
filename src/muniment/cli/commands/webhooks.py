"""`muniment webhooks`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import click
import msgspec

from muniment.cli import output
from muniment.cli.groups import Group
from muniment.cli.server_folder import Place, with_place
from muniment.errors import NotFound
from muniment.server import hosting
from muniment.server.hosting import Hosted
from muniment.server.settings import Served, Settings
from muniment.server.webhooks import orders, outbox
from muniment.server.webhooks.hook import ANY, Hook
from muniment.server.webhooks.orders import Wish
from muniment.server.webhooks.outbox import Outbox

HEADS = ("id", "url", "events", "only about", "delivered below", "standing")


class _Opened(NamedTuple):
    """What a command works on."""

    settings: Settings
    hosted: Hosted
    store: Outbox


_ledger = click.option("--ledger", default="", metavar="NAME", help="The ledger that is served at /l/NAME/; default: at the root.")


@click.group(cls=Group)
def command() -> None:
    """Tell other services what is recorded: signed HTTP requests (Standard Webhooks) that `muniment serve` sends.

    Each event is delivered at least once and in order, with the same id when it is repeated. These commands work on the server's
    own folder, also while it runs.
    """


@command.command("create", short_help="Have events delivered to URL; its secret is shown once.")
@click.argument("url")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only events of this name; repeatable, without: all.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only about this environment; repeatable.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only about this model; repeatable.")
@click.option("--after", type=click.IntRange(min=0), metavar="SIZE", help="Begin after so many entries; without: with what comes.")
@click.option(
    "--private",
    is_flag=True,
    help="Allow addresses inside this network; the server needs --webhooks-private as well, or its file says so.",
)
@_ledger
@with_place
def create(
    place: Place,
    url: str,
    events: tuple[str, ...],
    environments: tuple[str, ...],
    models: tuple[str, ...],
    after: int | None,
    private: bool,
    ledger: str,
) -> None:
    """Have events delivered to URL, and print the secret with which the receiver verifies them. It is shown this once."""
    wish = Wish(url=url, events=events or (ANY,), environments=environments, models=models, after=after)
    with _open(place, ledger, private=private) as opened:
        made = orders.create(opened.settings, opened.hosted, opened.store, wish)
    output.result(made, place.as_json, [made.secret])
    if place.as_json:
        return
    output.note(f"The webhook {made.webhook.id} delivers to {url}.")
    output.note("This is the only time that the secret is shown. Any library for Standard Webhooks verifies with it.")
    output.note(f"To end it: muniment webhooks delete {made.webhook.id}")


@command.command("list")
@_ledger
@with_place
def list_hooks(place: Place, ledger: str) -> None:
    """List every webhook, the oldest first, and how it stands."""
    with _open(place, ledger) as opened:
        found = opened.store.hooks(ledger)
    rows = [
        [
            each.id,
            each.url,
            ", ".join(each.selection.events),
            ", ".join([*each.selection.environments, *each.selection.models]) or "-",
            str(each.position),
            _standing(each),
        ]
        for each in found
    ]
    output.result({"webhooks": found}, place.as_json, output.table(rows, HEADS) if rows else ["There are no webhooks yet."])


@command.command("delete")
@click.argument("webhook", metavar="ID")
@_ledger
@with_place
def delete(place: Place, webhook: str, ledger: str) -> None:
    """Deliver no more to the webhook with this ID, and forget it."""
    with _open(place, ledger) as opened:
        done = opened.store.find(ledger, webhook).hook
        opened.store.delete(ledger, webhook)
    output.result({"deleted": done}, place.as_json, [f"The webhook {done.id} to {done.url} has ended."])


@command.command("replay", short_help="Deliver again, or go on after a failure.")
@click.argument("webhook", metavar="ID")
@click.option("--since", type=click.IntRange(min=0), metavar="SIZE", help="Deliver again what came after so many entries.")
@_ledger
@with_place
def replay(place: Place, webhook: str, since: int | None, ledger: str) -> None:
    """Have everything since SIZE delivered again, in order and with the ids that it had.

    Without --since nothing is repeated: a webhook that waits or was disabled goes on at once. A running server notices within a
    second.
    """
    with _open(place, ledger) as opened:
        found = orders.rewind(opened.hosted, opened.store, webhook, since)
    output.result(found, place.as_json, [f"The webhook {found.id} goes on from entry {found.position}."])


@command.command("rotate", short_help="Make a new secret, which is shown once.")
@click.argument("webhook", metavar="ID")
@_ledger
@with_place
def rotate(place: Place, webhook: str, ledger: str) -> None:
    """Make a new secret and print it. For a day deliveries are signed with both."""
    with _open(place, ledger) as opened:
        made = orders.rotate(opened.hosted, opened.store, webhook)
    output.result(made, place.as_json, [made.secret])
    if not place.as_json:
        output.note(f"The secret before signs too until {output.when(made.earlier_until)}.")


@contextmanager
def _open(place: Place, ledger: str, *, private: bool = False) -> Iterator[_Opened]:
    """The ledger and the server's folder. Raises NotFound where there is no ledger."""
    settings = place.settings
    if place.file is None:
        served = Served(name=ledger, home=settings.ledgers[0].home)
        settings = msgspec.structs.replace(settings, ledgers=(served,), webhooks_private=private)
    found = next((each for each in settings.ledgers if each.name == ledger), None)
    if found is None or not found.home.is_dir():
        raise NotFound(
            f"{place.file} serves no ledger {ledger!r}" if found is None else f"there is no ledger in {found.home}",
            code="no-ledger",
            hint="Name it with --config, --home or --ledger, as `muniment serve` was given it.",
        )
    settings = msgspec.structs.replace(settings, ledgers=(found,))
    with closing(outbox.open(settings.state)) as store, closing(hosting.open_all(settings, writes=False)) as opened:
        yield _Opened(settings, opened.by_name[ledger], store)


def _standing(hook: Hook) -> str:
    if hook.state == "active":
        return "active"
    told = f"{hook.state} since {output.when(hook.failing_since)}" if hook.failing_since else hook.state
    return f"{told}: {hook.outcome}"
