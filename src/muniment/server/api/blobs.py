"""Evidence by its digest: blobs, lists of files, and what opens sealed fields."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType

from litestar import Response, get, head, put
from litestar.di import NamedDependency

from muniment.client import capturing
from muniment.core.format import digest as digests
from muniment.core.format.statement import Sealed
from muniment.core.proof.answer import Opened
from muniment.errors import NotFound, VerificationError
from muniment.ledger.blobs import Evidence
from muniment.server import methods
from muniment.server.api import answering
from muniment.server.api.answering import BYTES, Asked
from muniment.server.api.parameters import Commitment, Digest
from muniment.server.hosting import Hosted

STEP = 12
_INERT = MappingProxyType(
    {
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
)


def _get(path: str) -> get:
    return get(path, opt=answering.told(bytes, "The bytes.", media=BYTES, tagged=True))


def _head(path: str) -> head:
    return head(path, opt={"scope": "read"})


def _put(path: str) -> put:
    # How large a body may be is watched before it comes here (server.limits).
    return put(path, opt={"scope": "write"}, status_code=204, request_max_body_size=None)


@_get("/v1/blobs/{digest:str}")
async def read_blob(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> Response[bytes]:
    """The bytes with a SHA-256, checked again before they are sent: run logs, environments and other evidence."""
    return await asyncio.to_thread(_send, request, hosted.writer.blobs, digest)


@_head("/v1/blobs/{digest:str}")
async def find_blob(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> Response[None]:
    """Whether the server holds the bytes with a SHA-256."""
    return await asyncio.to_thread(_find, hosted.writer.blobs, digest)


@_put("/v1/blobs/{digest:str}")
async def keep_blob(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> None:
    """Keep bytes under their SHA-256. They are durable when this answers."""
    await asyncio.to_thread(_keep, hosted.writer.blobs, digest, await request.body(), digests.sha256)


@_get("/v1/manifests/{root:str}")
async def read_manifest(request: Asked, hosted: NamedDependency[Hosted], root: Digest) -> Response[bytes]:
    """The list of files with a root, which names a version of a model or data set."""
    return await asyncio.to_thread(_send, request, hosted.writer.manifests, root)


@_head("/v1/manifests/{root:str}")
async def find_manifest(request: Asked, hosted: NamedDependency[Hosted], root: Digest) -> Response[None]:
    """Whether the server holds the list of files with a root."""
    return await asyncio.to_thread(_find, hosted.writer.manifests, root)


@_put("/v1/manifests/{root:str}")
async def keep_manifest(request: Asked, hosted: NamedDependency[Hosted], root: Digest) -> None:
    """Keep a list of files under its root. It is durable when this answers."""
    await asyncio.to_thread(_keep, hosted.writer.manifests, root, await request.body(), capturing.identify)


@get("/v1/disclosures/{sealed:str}", opt={"scope": "read"}, sync_to_thread=True)
def read_disclosure(hosted: NamedDependency[Hosted], sealed: Commitment) -> Opened:
    """What opens a sealed field, where the server's vault holds it."""
    found = hosted.vault.find(Sealed(sealed))
    if found is None:
        raise NotFound("the vault here does not hold it", code="not-held", hint="Ask whoever wrote the event.")
    return Opened(salt=found.salt, sealed=sealed, value=found.value)


def _send(request: Asked, evidence: Evidence, name: str) -> Response[bytes]:
    sent = answering.lasting(request, name, evidence.load(name), BYTES)
    # What somebody put here is never run in a browser that looks at it.
    sent.headers.update(_INERT)
    return sent


def _find(evidence: Evidence, name: str) -> Response[None]:
    if not evidence.holds(name):
        raise NotFound("it is not held here", code="blob-not-held")
    return Response(None, headers={"ETag": f'"{name}"'})


def _keep(evidence: Evidence, name: str, data: bytes, identify: Callable[[bytes], bytes]) -> None:
    found = digests.format(identify(data))
    if found != name:
        raise VerificationError(
            "these bytes have another name",
            step=STEP,
            code="other-name",
            hint="Put them under the digest that `details` names, if it is what you meant to send.",
            details={"found": found, "expected": name},
        )
    evidence.store(data)


ROUTES = (
    methods.allow("/v1/blobs/{digest:str}", "GET", "HEAD", "PUT"),
    read_blob,
    find_blob,
    keep_blob,
    methods.allow("/v1/manifests/{root:str}", "GET", "HEAD", "PUT"),
    read_manifest,
    find_manifest,
    keep_manifest,
    read_disclosure,
)
