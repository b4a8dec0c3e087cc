"""Events in: submitted to be written, or only to be judged.

`POST /v1/entries` is plain ASGI, without the framework's parameters and dependencies, because it is the one path whose cost
counts: raw body, one decoder, the queue, bytes. `submit` describes it, and is what `/v1/openapi.json` shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, asgi, post
from litestar.di import NamedDependency
from litestar.exceptions import MethodNotAllowedException
from litestar.params import JSONBody
from litestar.types import Receive, Scope, Send

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.rules import chain
from muniment.errors import InvalidInput
from muniment.net.wire import Judged, Rehearsed, Submission, Submitted
from muniment.server import guard, naming
from muniment.server.api import answering, reading
from muniment.server.api.answering import JSON, Asked
from muniment.server.api.parameters import Since
from muniment.server.caller import Caller
from muniment.server.hosting import Hosted
from muniment.server.problems import Gone
from muniment.server.settings import Settings
from muniment.server.submitting import Batch, Submitter

LARGE_BYTES = 1 << 18
"""A body of more bytes is read in a thread, so that the others need not wait for it."""

_decoder = msgspec.json.Decoder(Submission)


@asgi("/v1/entries", opt={"scope": "write"}, copy_scope=False)
async def take(scope: Scope, receive: Receive, send: Send) -> None:
    """Have signed events judged and written."""
    raw = cast(guard.Raw, scope)
    if raw["method"] != "POST":
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    hosted, caller, state = guard.require_ledger(raw), guard.caller_of(raw), raw["litestar_app"].state
    since = _read_since(raw["query_string"])
    submission, entries = await _read(await _receive(receive), state.settings)
    if submission.disclosures:
        await asyncio.to_thread(_keep_openings, hosted, submission, entries, caller.environments)
    submitters: Mapping[str, Submitter] = state.submitters
    answer = await submitters[hosted.name].submit(Batch(entries=entries, since=since, environments=caller.environments))
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


@post(
    "/v1/entries",
    opt=answering.told(Submitted, "The verdicts, in the order of the entries.", scope="write"),
    status_code=200,
)
async def submit(data: JSONBody[Submission], since: Since = None) -> Response[bytes]:
    """Have signed events judged, in order; what is admitted is sealed in a block and durable when this answers.

    The same event may be sent again: it is `repeated`, with the place where it stands. A bad form or signature refuses the
    whole request, and nothing of it is written.
    """
    raise InvalidInput("this description of `take` is never called", code="not-a-route")


@post(
    "/v1/judgements",
    opt=answering.told(Rehearsed, "The verdicts of a dry run.", scope="write"),
    status_code=200,
)
async def judge(
    request: Asked, hosted: NamedDependency[Hosted], caller: NamedDependency[Caller], settings: NamedDependency[Settings]
) -> Response[bytes]:
    """What the ledger would answer to signed events now. Nothing is written, not even what opens sealed fields."""
    submission, entries = await _read(await request.body(), settings)
    return Response(await asyncio.to_thread(_rehearse, hosted, submission, entries, caller.environments), media_type=JSON)


def _read_since(query: bytes) -> int | None:
    """The size in a query that `reading.check_query` has looked at."""
    for name, value in parse_qsl(query.decode("latin-1")) if query else ():
        if name == "from" and int(value) <= MAX_INTEGER:
            return int(value)
        if name == "from":
            raise InvalidInput("`from` is no size", code="bad-request", hint="Write how many entries you have seen.")
    return None


async def _receive(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise Gone("the caller went away before the body was complete", code="cut-off")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]


async def _read(raw: bytes, settings: Settings) -> tuple[Submission, tuple[bytes, ...]]:
    if len(raw) > LARGE_BYTES:
        submission = await asyncio.to_thread(reading.read, raw, _decoder, settings.limits.depth)
    else:
        submission = reading.read(raw, _decoder, settings.limits.depth)
    return submission, tuple([bytes(each) for each in submission.entries])


def _keep_openings(hosted: Hosted, submission: Submission, entries: tuple[bytes, ...], environments: frozenset[str]) -> None:
    """Put the openings into the vault; when this returns, the events that they belong to may be written.

    Only what belongs to an event of the same request is taken, and only once its signature holds: the vault is no store for
    whatever somebody sends.
    """
    _check(submission, entries, environments)
    hosted.vault.store([each.disclosure() for each in submission.disclosures])


def _rehearse(hosted: Hosted, submission: Submission, entries: tuple[bytes, ...], environments: frozenset[str]) -> bytes:
    _check(submission, entries, environments)
    verdicts = [
        Judged(
            decision=each.decision,
            event_id=each.event_id,
            index=each.index if each.decision == "repeated" else msgspec.UNSET,
            reasons=each.reasons,
        )
        for each in hosted.writer.engine.judge(entries)
    ]
    return answering.encode(Rehearsed(verdicts=tuple(verdicts)))


def _check(submission: Submission, entries: tuple[bytes, ...], environments: frozenset[str]) -> None:
    """Check the form of all, and that each opening belongs to something here. Raises InvalidInput, Forbidden."""
    opened = chain.open_submissions(entries)
    if environments:
        naming.check_environments([each.event for each in opened], environments)
    for opening in submission.disclosures:
        commitment = b'"sealed":"%s"' % opening.sealed.encode()
        if not any(commitment in each.envelope.payload for each in opened):
            raise InvalidInput(
                f"nothing in these entries is sealed as {opening.sealed}",
                code="stray-opening",
                hint="Send an opening together with the event that holds its commitment.",
                details={"sealed": opening.sealed},
            )


DOCUMENTED = (submit,)
ROUTES = (take, judge)
