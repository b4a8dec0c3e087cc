"""Two versions side by side: what they learned from, how they were made, what was measured, who decided, which files changed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from muniment.core.format import state_map
from muniment.core.proof import inquiry
from muniment.core.proof.inquiry import Difference, DiffFindings, DiffQuestion
from muniment.core.proof.inquiry.diff import AREAS
from muniment.errors import InvariantError
from muniment.ledger.prover.ground import LedgerGround
from muniment.server.explorer.fields import say_name
from muniment.server.explorer.files import FilesDiffer, compare_files
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

MAX_OFFERED = 200
MAX_EVENTS = 800
"""How many events two versions may have together for a page to compare them; the answer to `diff` has no such limit."""

_TITLES = (
    ("registration", "What it is"),
    ("data", "Data that it learned from"),
    ("parents", "Versions that it came from"),
    ("parameters", "Parameters"),
    ("code", "Code"),
    ("environment", "Environment"),
    ("seed", "Seed"),
    ("metrics", "Measurements"),
    ("approvals", "Decisions"),
)
# Areas whose facts are fields of events, and how the page of a run calls some of these.
_OURS = frozenset({"registration", "code", "environment", "seed"})
_WORDS = MappingProxyType(
    {
        "dirtyDigest": "Changes not committed",
        "environmentDigest": "Installed software",
        "gitCommit": "Commit",
        "hardwareClass": "Machine",
    }
)


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two versions."""

    title: str
    model: str
    ordinal: int
    digest: str


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in one respect: the fact, and what each version says of it."""

    title: str
    rows: tuple[tuple[str, str, str], ...]


class DiffPage(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of two versions; without both, the form alone. `offered` are names to choose from.

    same: how many facts agree; None where the facts were not compared, as more is recorded than a page reads
    """

    a_text: str
    b_text: str
    a: Side | None
    b: Side | None
    same: int | None
    areas: tuple[Area, ...]
    files: FilesDiffer | None
    offered: tuple[str, ...]


def read_diff(source: Source, a: str, b: str) -> DiffPage:
    """How two versions differ; either may be empty, and is then to be chosen. Raises NotFound, InvalidInput (`ambiguous`)."""
    left, right = _find(source, a), _find(source, b)
    offered = _offer(source, left or right)
    if left is None or right is None:
        return DiffPage(a_text=a, b_text=b, a=left, b=right, same=None, areas=(), files=None, offered=offered)
    if sum(_count(source, f"version/{each.digest}") for each in {left, right}) > MAX_EVENTS:
        files = compare_files(source, left.digest, right.digest)
        return DiffPage(a_text=left.title, b_text=right.title, a=left, b=right, same=None, areas=(), files=files, offered=offered)
    question = DiffQuestion(a=f"version/{left.digest}", b=f"version/{right.digest}")
    found = inquiry.evaluate(question, LedgerGround(source.view, source.index.stream_indices))
    if not isinstance(found, DiffFindings):
        raise InvariantError("a question about two versions has another answer")
    return DiffPage(
        a_text=left.title,
        b_text=right.title,
        a=left,
        b=right,
        same=found.same,
        areas=tuple(_group(found.differences)),
        files=compare_files(source, left.digest, right.digest),
        offered=offered,
    )


def _find(source: Source, text: str) -> Side | None:
    if not text.strip():
        return None
    found = source.hosted.reader.resolve(text.strip(), ["version"])
    return Side(title=found.title(), model=found.name, ordinal=found.ordinal or 0, digest=found.digest or "")


def _count(source: Source, stream: str) -> int:
    """How many events a stream has."""
    raw = source.view.record(stream)
    return 0 if raw is None else state_map.decode_record(raw).count


def _offer(source: Source, side: Side | None) -> tuple[str, ...]:
    """Names of versions to choose from: those of the model at hand, else the newest of each model."""
    if side is not None:
        return tuple(f"{side.model}@{row.ordinal}" for row in reversed(source.index.versions(side.model)[-MAX_OFFERED:]))
    return tuple(f"{row.name}@{row.count}" for row in source.index.models()[:MAX_OFFERED] if row.count)


def _group(differences: tuple[Difference, ...]) -> list[Area]:
    titles = dict(_TITLES)
    found = []
    for area in AREAS:
        rows = tuple((_name(each.area, each.key), _show(each.a), _show(each.b)) for each in differences if each.area == area)
        if rows:
            found.append(Area(title=titles[area], rows=rows))
    return found


def _name(area: str, key: str) -> str:
    """What people call a fact; those of the other areas are named by people already, or after things."""
    return _WORDS.get(key) or say_name(key) if area in _OURS else key


def _show(value: object) -> str:
    """One side of a difference; nothing where it says nothing."""
    if value is msgspec.UNSET:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    kind, _, digest = text.partition(":")
    # A commitment says only that words were sealed; two of them differ even where the words do not.
    return f"sealed, {digest[:8]}…" if kind == "sealed" and digest else text


@page("/diff")
def show_diff(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], a: FromQuery[str] = "", b: FromQuery[str] = ""
) -> Response[bytes]:
    """Two versions side by side."""
    with open_source(hosted) as source:
        found = read_diff(source, a, b)
    title = f"{found.a_text} and {found.b_text}" if found.a and found.b else "Compare two versions"
    return render(request, hosted, "diff.html", title, found, section="models")


ROUTES = (show_diff,)
