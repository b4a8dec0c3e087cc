"""Events in: submitted to be written, or only to be judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response, post

from muniment.core.rules import chain
from muniment.errors import InvalidInput
from muniment.net.wire import Judged, Rehearsed, Submission
from muniment.server import naming
from muniment.server.api import reading
from muniment.server.api.parameters import Since
from muniment.server.caller import Caller
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings
from muniment.server.submitting import Batch, Submitter

JSON = "application/json"
LARGE_BYTES = 1 << 18
"""A body of more bytes is read in a thread, so that the others need not wait for it."""

_decoder = msgspec.json.Decoder(Submission)
_encode = msgspec.json.Encoder().encode


@post("/v1/entries", opt={"scope": "write"}, status_code=200)
async def submit(
    request: Request[Any, Any, Any], hosted: Hosted, caller: Caller, settings: Settings, since: Since = None
) -> Response[bytes]:
    """Have signed events judged and written."""
    submission, entries = await _read(await request.body(), settings)
    if submission.disclosures:
        await asyncio.to_thread(_keep_openings, hosted, submission, entries, caller.environments)
    submitters: Mapping[str, Submitter] = request.app.state.submitters
    answer = await submitters[hosted.name].submit(Batch(entries=entries, since=since, environments=caller.environments))
    return Response(answer, media_type=JSON)


@post("/v1/judgements", opt={"scope": "write"}, status_code=200)
async def judge(request: Request[Any, Any, Any], hosted: Hosted, caller: Caller, settings: Settings) -> Response[bytes]:
    """Have signed events judged without writing anything."""
    submission, entries = await _read(await request.body(), settings)
    return Response(await asyncio.to_thread(_rehearse, hosted, submission, entries, caller.environments), media_type=JSON)


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
    return _encode(Rehearsed(verdicts=tuple(verdicts)))


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


ROUTES = (submit, judge)
