"""What an administrator orders: a new webhook, a new secret, something delivered again. The interface and the commands use it."""

from __future__ import annotations

import os

import msgspec

from muniment.core.format import time
from muniment.errors import InvalidInput
from muniment.ledger.embedded import system_clock
from muniment.net import posting
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings
from muniment.server.webhooks import delivery, message, secret
from muniment.server.webhooks.hook import ANY, Delivery, Hook, Names, Selection, check_selection
from muniment.server.webhooks.outbox import SECOND, Outbox

OVERLAP_SECONDS = 24 * 3_600
"""So long the secret before a rotation signs too."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The shape of bodies."""


class Wish(_Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook that somebody wants.

    url: where to deliver; https
    events: names of events, or `*` for all; environments, models: only events about one of these; empty means any
    after: the size of the ledger after which to begin; without it, whatever is recorded from now on
    """

    url: str
    events: Names = (ANY,)
    environments: Names = ()
    models: Names = ()
    after: int | None = None


class Created(_Body, frozen=True, kw_only=True):
    """A new webhook, and the only time that its secret is shown."""

    webhook: Hook
    secret: str


class Rotated(_Body, frozen=True, kw_only=True):
    """A new secret, shown once; until `earlier_until` the one before signs too."""

    secret: str
    earlier_until: str


class Repetition(_Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to deliver again: the event at the entry `index`, or everything chosen `since` a size of the ledger."""

    index: int | None = None
    since: int | None = None


def create(settings: Settings, hosted: Hosted, store: Outbox, wish: Wish) -> Created:
    """Keep a new webhook. Raises InvalidInput (`bad-url`, `address`, `unknown-event`, `bad-size`, `too-many-hooks`)."""
    posting.check_url(wish.url, private=settings.webhooks_private)
    chosen = check_selection(Selection(events=wish.events, environments=wish.environments, models=wish.models))
    size = _read_size(hosted)
    hook = Hook(
        id=os.urandom(8).hex(),
        url=wish.url,
        selection=chosen,
        position=size if wish.after is None else _check_size(wish.after, size),
        created=time.format(system_clock()),
        state="active",
    )
    made = secret.make_secret()
    store.create(hosted.name, hook, made)
    return Created(webhook=hook, secret=made)


def rotate(hosted: Hosted, store: Outbox, id_: str) -> Rotated:
    """Give a webhook a new secret. Raises NotFound."""
    made, until = secret.make_secret(), system_clock() + OVERLAP_SECONDS * SECOND
    store.rotate(hosted.name, id_, made, until)
    return Rotated(secret=made, earlier_until=time.format(until))


def ping(settings: Settings, hosted: Hosted, store: Outbox, id_: str) -> Delivery:
    """Deliver a message that says nothing, now. Raises NotFound."""
    kept = store.find(hosted.name, id_)
    return delivery.send(settings, store, kept, message.write_ping(hosted, kept.hook))[0]


def repeat(settings: Settings, hosted: Hosted, store: Outbox, id_: str, index: int) -> Delivery:
    """Deliver one event again, now, with the id that it always has. Raises NotFound."""
    kept = store.find(hosted.name, id_)
    row = hosted.reader.index.event(index)
    return delivery.send(settings, store, kept, message.write_message(settings, hosted, kept.hook, row))[0]


def rewind(hosted: Hosted, store: Outbox, id_: str, since: int | None = None) -> Hook:
    """Deliver everything since a size again; without one, only go on at once, also where the hook was disabled.

    Raises NotFound, InvalidInput (`bad-size`).
    """
    kept = store.find(hosted.name, id_)
    position = kept.hook.position if since is None else _check_size(since, _read_size(hosted))
    store.rewind(hosted.name, id_, position)
    return store.find(hosted.name, id_).hook


def _read_size(hosted: Hosted) -> int:
    with hosted.reader.view() as view:
        return view.size


def _check_size(said: int, size: int) -> int:
    if not 0 <= said <= size:
        raise InvalidInput(f"the ledger has {size} entries, not {said}", code="bad-size", details={"size": size})
    return said
