"""Questions whose answers are files that anybody can verify: by structs for programs, by names for people and curl."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, Parameter

from muniment.client import proving
from muniment.client.gating import asking, entrance
from muniment.core.proof.answer import Answer, AtQuestion, EntryQuestion, Question, StateQuestion
from muniment.core.proof.bundle import Bundle
from muniment.core.proof.inquiry.claim import Claim
from muniment.core.proof.inquiry.lineage import Direction
from muniment.core.rules.events.model import Target
from muniment.net.wire import Asking, Disclose
from muniment.server.access import log
from muniment.server.api import answering, reading
from muniment.server.api.answering import JSON, Asked
from muniment.server.api.parameters import DIGEST, MAX_NAME, MAX_THING, PLACE, TIME, Environment, Opened, Thing
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings

FILE = "The file of the answer, proved as of one block."

Moment = Annotated[str, Parameter(pattern=TIME, max_length=64, description="A time, UTC unless it says otherwise; or `now`.")]
Path = Annotated[str, Parameter(min_length=1, max_length=MAX_NAME, description="The dotted key of the parameter.")]
Place = Annotated[str, Parameter(pattern=PLACE, max_length=2 * MAX_NAME, description="`environment/name` of the deployment.")]
Version = Annotated[str, Parameter(pattern=DIGEST, description="The digest of what is to start: the root of its files.")]


class BundleAsking(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a bundle is to be about, and which sealed fields it opens."""

    thing: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_THING)]
    disclose: Disclose = False


_asking = msgspec.json.Decoder(Asking)
_bundling = msgspec.json.Decoder(BundleAsking)


@post("/v1/answers", opt=answering.told(Answer, FILE), status_code=200)
async def answer(request: Asked, hosted: NamedDependency[Hosted], settings: NamedDependency[Settings]) -> Response[bytes]:
    """Answer a question with a file that proves it."""
    asked = reading.read(await request.body(), _asking, settings.limits.depth)
    log.note_thing(request.scope, _about(asked.question))
    return _file(await asyncio.to_thread(_prove, hosted, asked))


@post("/v1/bundles", opt=answering.told(Bundle, "The file of the bundle."), status_code=200)
async def bundle(request: Asked, hosted: NamedDependency[Hosted], settings: NamedDependency[Settings]) -> Response[bytes]:
    """One file with the proofs of a thing's whole life, which outlives the ledger."""
    asked = reading.read(await request.body(), _bundling, settings.limits.depth)
    log.note_thing(request.scope, asked.thing)
    return _file(await asyncio.to_thread(lambda: hosted.reader.bundle(asked.thing, disclose=asked.disclose).raw))


def _about(question: Question) -> str:
    """What a question is about, as the access log tells it."""
    match question:
        case EntryQuestion():
            return f"entry/{question.index}"
        case StateQuestion():
            return " ".join(question.streams)
        case AtQuestion():
            return question.stream
    return " ".join(question.about())


def _prove(hosted: Hosted, asked: Asking) -> bytes:
    return proving.prove(
        hosted.writer, asked.question, lambda stream: hosted.reader.index.stream_indices(stream), asked.disclose
    ).raw


def _file(raw: bytes) -> Response[bytes]:
    return Response(raw, media_type=JSON, headers={"Cache-Control": answering.CHANGING})


def _ask(path: str) -> get:
    """The decorator of a route that answers with a file."""
    return get(path, opt=answering.told(Answer, FILE, tagged=True), sync_to_thread=True)


@_ask("/v1/prove")
def prove(request: Asked, hosted: NamedDependency[Hosted], thing: Thing, disclose: Opened = False) -> Response[bytes]:
    """That a thing was recorded: the entry that made it or last changed it, who signed it, and how his key stands."""
    return answering.answer(request, hosted, lambda: hosted.reader.prove(thing, disclose=disclose).raw)


@_ask("/v1/at")
def at(hosted: NamedDependency[Hosted], thing: Thing, time: Moment = "now", disclose: Opened = False) -> Response[bytes]:
    """What a deployment ran, or how another thing stood, at a time by the ledger's clock."""
    return _file(hosted.reader.at(thing, time, disclose=disclose).raw)


@_ask("/v1/history")
def history(request: Asked, hosted: NamedDependency[Hosted], of: Thing, disclose: Opened = False) -> Response[bytes]:
    """All events of a thing, with the proof that there are no others."""
    return answering.answer(request, hosted, lambda: hosted.reader.history(of, disclose=disclose).raw)


@_ask("/v1/lineage")
def lineage(
    request: Asked, hosted: NamedDependency[Hosted], of: Thing, direction: FromQuery[Direction] = "up", disclose: Opened = False
) -> Response[bytes]:
    """What a version or data set was made of (`up`), or what was made of it (`down`)."""
    return answering.answer(request, hosted, lambda: hosted.reader.lineage(of, direction, disclose=disclose).raw)


@_ask("/v1/impact")
def impact(request: Asked, hosted: NamedDependency[Hosted], of: Thing, disclose: Opened = False) -> Response[bytes]:
    """Which versions learned from a data set, through any number of steps, and where they run now."""
    return answering.answer(request, hosted, lambda: hosted.reader.impact(of, disclose=disclose).raw)


@_ask("/v1/blame")
def blame(
    request: Asked,
    hosted: NamedDependency[Hosted],
    of: Thing,
    path: Path,
    target: FromQuery[Target | None] = None,
    disclose: Opened = False,
) -> Response[bytes]:
    """Who set a parameter of a version or deployment, when and why: every value that it has had."""
    return answering.answer(request, hosted, lambda: hosted.reader.blame(of, path, target, disclose=disclose).raw)


@_ask("/v1/diff")
def diff(request: Asked, hosted: NamedDependency[Hosted], a: Thing, b: Thing, disclose: Opened = False) -> Response[bytes]:
    """How two versions differ: data, parents, parameters, code, environment, seed, metrics, approvals."""
    return answering.answer(request, hosted, lambda: hosted.reader.diff(a, b, disclose=disclose).raw)


@_ask("/v1/claim")
def claim(
    request: Asked,
    hosted: NamedDependency[Hosted],
    claim: FromQuery[Claim],
    of: Thing,
    environment: Environment = None,
    disclose: Opened = False,
) -> Response[bytes]:
    """Whether something holds of a version or data set now, such as `not-approved` for an environment."""
    return answering.answer(request, hosted, lambda: hosted.reader.claim(claim, of, environment, disclose=disclose).raw)


@_ask("/v1/gate")
def gate(request: Asked, hosted: NamedDependency[Hosted], deployment: Place, version: Version) -> Response[bytes]:
    """May a version start as a deployment now? The findings of the answer say so, with every objection."""
    return answering.answer(request, hosted, lambda: asking.ask(hosted.writer, entrance.ask_for(deployment, version)).raw)


ROUTES = (answer, bundle, prove, at, history, lineage, impact, blame, diff, claim, gate)
