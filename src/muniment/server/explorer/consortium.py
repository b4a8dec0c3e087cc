"""The page of a consortium: its members, how this node stands among them, who cosigned what, and who signed twice."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from muniment.core.rules import members
from muniment.core.rules.records import Consortium, Membership
from muniment.errors import NotFound
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted
from muniment.server.standing import Stand, Standing


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A member: its keys (64 hex), and how many proofs there are that it signed twice."""

    organisation: str
    key: str
    cosigner: str
    faults: int
    publishes: bool


class ConsortiumPage(msgspec.Struct, frozen=True, kw_only=True):
    """The members by the state of the ledger, and how this node stands; None where this is a copy that runs no engine."""

    seats: tuple[Seat, ...]
    quorum: int
    tolerated: int
    publisher_key: str
    standing: Standing | None


def read_consortium(source: Source, stand: Stand | None) -> ConsortiumPage:
    """Read the page. Raises NotFound (`no-consortium`) for a ledger with one operator."""
    consortium = source.state("members", Consortium)
    if consortium is None:
        raise NotFound(
            "this ledger has one operator and no members", code="no-consortium", hint="Its trust tier is on the overview."
        )
    publisher = None if consortium.publisher is msgspec.UNSET else consortium.publisher
    seats = []
    for organisation in consortium.active:
        known = source.state(f"member/{organisation}", Membership)
        if known is not None:
            publishes = publisher is not None and publisher.organisation == organisation
            seats.append(
                Seat(organisation=organisation, key=known.key, cosigner=known.cosigner, faults=known.faults, publishes=publishes)
            )
    return ConsortiumPage(
        seats=tuple(seats),
        quorum=members.quorum(len(seats)),
        tolerated=members.tolerated(len(seats)),
        publisher_key="" if publisher is None else publisher.key,
        standing=None if stand is None else stand(),
    )


@page("/consortium")
def show_consortium(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The page of the consortium."""
    with open_source(hosted) as source:
        read = read_consortium(source, _stand(request))
    return render(request, hosted, "consortium.html", "Consortium", read, section="consortium")


@get("/v1/standing", opt={"scope": "read"}, sync_to_thread=True, summary="How this node of a consortium stands", tags=["ledger"])
def read_standing(request: Request[Any, Any, Any]) -> Standing:
    """Height, peers, lag, cosigners of the newest checkpoints, alarms. 404 at a server that is no node of a consortium."""
    stand = _stand(request)
    if stand is None:
        raise NotFound("this server is no node of a consortium", code="no-consortium", hint="Ask a node.")
    return stand()


def _stand(request: Request[Any, Any, Any]) -> Stand | None:
    found: Stand | None = request.app.state.get("standing")
    return found


ROUTES = (show_consortium, read_standing)
