"""Badges: one line about a version or a deployment, as SVG, for a README, linked to its page and its proof.

    /badges/versions/<digest>.svg   /badges/models/<name>/<ordinal>.svg   /badges/deployments/<environment>/<name>.svg

A badge tells what this server says, and never that anything was verified. It says something about a ledger that is private,
also where checkpoint and tiles are public: it is drawn for readers, and for whoever has its own address with a `key`, which opens
this one badge and nothing else. `snippet` makes such an address.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, Parameter

from muniment import disk
from muniment.client.ledger import Ledger
from muniment.core.format import time
from muniment.core.rules.records import Version
from muniment.errors import NotFound
from muniment.index.rows import DeploymentRow, VersionRow
from muniment.ledger.embedded import system_clock
from muniment.server import badge_drawing, caching, guard, state_file
from muniment.server.badge_drawing import Tone
from muniment.server.caller import Caller
from muniment.server.explorer import links
from muniment.server.hosting import Hosted
from muniment.server.location import locate
from muniment.server.settings import Settings

MEDIA_TYPE = "image/svg+xml"
MAX_AGE = 60
PRODUCTION = "production"
KEY_FILE = "badges.key"
KEY_BYTES = 32
KEY_DIGITS = 32

_SUFFIX = ".svg"
_digest = re.compile(r"[0-9a-f]{64}")
_DAY = len("2026-11-23")

Key = Annotated[str, Parameter(max_length=64, description="The key of this one badge, as its page gives it out.")]
Environment = Annotated[str, Parameter(max_length=128, description="Whose approvals are counted.")]


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """What a badge says: the thing, its standing in a few words, and how that looks. `stream` is the thing's."""

    stream: str
    name: str
    says: str
    tone: Tone


def read_badge(ledger: Ledger, path: str, environment: str = PRODUCTION) -> Badge:
    """What the badge at a path (`versions/<digest>`, without suffix) says now. Raises NotFound (`no-such-badge`)."""
    kind, _, rest = path.partition("/")
    if kind == "versions":
        name = (ledger.index.name_of(rest) if _digest.fullmatch(rest) else None) or ""
        return _tell_version(ledger, _find_version(ledger, name.rpartition("@")[0], lambda row: row.digest == rest), environment)
    if kind == "models":
        model, _, ordinal = rest.rpartition("/")
        return _tell_version(ledger, _find_version(ledger, model, lambda row: str(row.ordinal) == ordinal), environment)
    if kind == "deployments":
        where, _, name = rest.partition("/")
        for row in ledger.index.deployments(where):
            if row.name == name:
                return _tell_deployment(ledger, row)
    raise _no_badge()


def snippet(settings: Settings, hosted: Hosted, stream: str, environment: str = PRODUCTION) -> str:
    """Markdown that shows the badge of a version or deployment wherever it is put, linked to page and proof.

    `stream` is `version/<digest>` or `deployment/<environment>/<name>`. Raises NotFound.
    """
    path = f"{stream.partition('/')[0]}s/{stream.partition('/')[2]}"
    badge = read_badge(hosted.reader, path, environment)
    key = make_key(settings.state, hosted, path, environment)
    query = f"?key={key}" if environment == PRODUCTION else f"?environment={quote(environment)}&key={key}"
    image = locate(settings, hosted, f"/badges/{quote(path)}{_SUFFIX}{query}")
    page = locate(settings, hosted, links.link("", stream))
    proof = locate(settings, hosted, f"/v1/prove?thing={quote(stream, safe='')}")
    return f"[![{badge.name}]({image})]({page}) ([proof]({proof}))"


def make_key(state: Path, hosted: Hosted, path: str, environment: str) -> str:
    """What opens one badge of one ledger to whoever knows it. It is ended, with all others, by removing the key file."""
    said = "\0".join(("badge", hosted.reader.id, path, environment)).encode()
    return hmac.digest(_load_key(state), said, "sha256").hex()[:KEY_DIGITS]


@get(
    "/badges/{badge:path}",
    opt={"scope": "open"},
    media_type=MEDIA_TYPE,
    tags=["badges"],
    summary="A badge about a version or a deployment",
    sync_to_thread=True,
)
def draw_badge(
    request: Request[Any, Any, Any],
    hosted: NamedDependency[Hosted],
    caller: NamedDependency[Caller],
    settings: NamedDependency[Settings],
    badge: FromPath[str],
    key: Key = "",
    environment: Environment = PRODUCTION,
) -> Response[bytes]:
    """`versions/<digest>.svg`, `models/<name>/<ordinal>.svg` or `deployments/<environment>/<name>.svg`."""
    path = badge.removeprefix("/").removesuffix(_SUFFIX)
    expected = make_key(settings.state, hosted, path, environment) if key else ""
    opened = bool(key) and hmac.compare_digest(key.encode(), expected.encode())
    if not opened and not caller.may("read", hosted.name):
        raise guard.refuse(caller, "read")
    if not badge.endswith(_SUFFIX):
        raise _no_badge()
    found = read_badge(hosted.reader, path, environment)
    drawn = badge_drawing.draw(found.name, found.says, found.tone, locate(settings, hosted, links.link("", found.stream)))
    headers = {
        "Cache-Control": f"{'public' if opened else 'private'}, max-age={MAX_AGE}",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        # A badge is made to be shown on other sites.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": caching.tag(drawn),
        "X-Content-Type-Options": "nosniff",
    }
    known = caching.is_known(request.headers, headers["ETag"])
    return Response(content=b"" if known else drawn, status_code=304 if known else 200, media_type=MEDIA_TYPE, headers=headers)


def _find_version(ledger: Ledger, model: str, fits: Callable[[VersionRow], bool]) -> VersionRow:
    for row in ledger.index.versions(model) if model else ():
        if fits(row):
            return row
    raise _no_badge()


def _tell_version(ledger: Ledger, row: VersionRow, environment: str) -> Badge:
    stream = f"version/{row.digest}"
    state = ledger.state(stream, Version)
    says, tone = _judge(ledger, row, state, environment)
    return Badge(stream=stream, name=f"{row.model}@{row.ordinal}", says=says, tone=tone)


def _judge(ledger: Ledger, row: VersionRow, state: Version | None, environment: str) -> tuple[str, Tone]:
    if row.retired is not None:
        return "retired", "bad"
    if state is not None and state.holds:
        return "held", "bad"
    if state is not None and state.count_rejections(environment):
        return f"rejected for {environment}", "bad"
    now = time.format(system_clock())
    standing = {
        each.actor
        for each in ledger.index.approvals(row.digest)
        if each.environment == environment
        and each.decision == "approve"
        and each.revoked is None
        and (each.expires_at is None or each.expires_at > now)
    }
    return (f"approved for {environment} by {len(standing)}", "good") if standing else ("recorded", "plain")


def _tell_deployment(ledger: Ledger, row: DeploymentRow) -> Badge:
    stream = f"deployment/{row.environment}/{row.name}"
    name = f"{row.environment}/{row.name}"
    if row.status != "running":
        return Badge(stream=stream, name=name, says=row.status, tone="plain")
    since = ledger.time_of(row.since)[:_DAY]
    return Badge(stream=stream, name=name, says=f"runs {row.model}@{row.ordinal} since {since}", tone="good")


def _no_badge() -> NotFound:
    return NotFound(
        "there is no such badge",
        code="no-such-badge",
        hint="Ask for versions/DIGEST.svg, models/NAME/ORDINAL.svg or deployments/ENVIRONMENT/NAME.svg.",
    )


def _load_key(state: Path) -> bytes:
    """The key of this server's badges; made when it is first needed. Raises Unavailable."""
    path = state / KEY_FILE
    try:
        if not path.exists():
            # Of two that come at once the first one's counts.
            with suppress(FileExistsError):
                disk.create(path, os.urandom(KEY_BYTES), mode=disk.PRIVATE)
        return path.read_bytes()
    except OSError as error:
        raise state_file.unwritable(path, error) from None


ROUTES = (draw_badge,)
