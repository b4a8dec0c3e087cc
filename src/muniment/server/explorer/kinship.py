"""What was made of what, a few steps around a thing, as a page needs it: cut where it grows large, never walked to the end.

The whole, proved, is the answer to `lineage` or `impact`; this is read from the index and the ledger, within limits of time.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.core.rules import ancestry
from muniment.core.rules.events import DatasetTransformed, ModelRegistered, TrainingStarted
from muniment.core.rules.records import Data, Version
from muniment.index import EventRow
from muniment.server.explorer import links
from muniment.server.explorer.drawing.graph import MAX_NODES, Edge, Graph, Node
from muniment.server.explorer.source import Source

MAX_FAN = 40
"""How many things made of one thing are followed."""

_MAKING = ("dataset.transformed", "model.registered", "training.started")
_TEST = "test"


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """`of` was made of `source`; `via` is the run in between."""

    source: str
    of: str
    relation: str
    via: str = ""


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """A thing and how many steps away it is: negative for what the thing in the middle was made of."""

    stream: str
    name: str
    depth: int
    marks: tuple[str, ...] = ()


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """The things around one, which is the first. `cut` are things of which not all that was made of them is here.

    further_up, further_down: whether another step in that direction would show more
    """

    things: tuple[Relative, ...]
    ties: tuple[Tie, ...]
    cut: tuple[str, ...] = ()
    further_up: bool = False
    further_down: bool = False

    @property
    def versions(self) -> tuple[Relative, ...]:
        """The versions that were made of the thing in the middle."""
        return tuple(each for each in self.things if each.depth > 0 and each.stream.startswith("version/"))


class _Walk:
    """One walk over the ledger: what was found so far."""

    def __init__(self, source: Source, stream: str) -> None:
        self.source = source
        self.depths = {stream: 0}
        self.ties: dict[tuple[str, str], Tie] = {}
        self.cut: list[str] = []

    def climb(self, steps: int) -> bool:
        """Go up so many steps. Is there more above?"""
        edge = list(self.depths)[:1]
        for depth in range(1, steps + 1):
            edge = [each for stream in edge for each in self._add(_parents(self.source, stream), -depth, up=True)]
        return any(tie.source not in self.depths for stream in edge for tie in _parents(self.source, stream))

    def descend(self, steps: int) -> bool:
        """Go down so many steps. Is there more below?"""
        edge = list(self.depths)[:1]
        for depth in range(1, steps + 1):
            edge = [each for stream in edge for each in self._add(self._children(stream), depth, up=False)]
        return any(self.source.list_rows(stream, _MAKING, 1) for stream in edge[:MAX_FAN])

    def _add(self, ties: list[Tie], depth: int, *, up: bool) -> Iterator[str]:
        for tie in ties:
            found = tie.source if up else tie.of
            if found not in self.depths:
                if len(self.depths) == MAX_NODES:
                    self.cut.append(tie.of if up else tie.source)
                    return
                self.depths[found] = depth
                yield found
            self.ties.setdefault((tie.source, tie.of), tie)

    def _children(self, stream: str) -> list[Tie]:
        rows = self.source.list_rows(stream, _MAKING, MAX_FAN + 1)
        if len(rows) > MAX_FAN:
            self.cut.append(stream)
        return [tie for row in rows[:MAX_FAN] for tie in _made_by(self.source, stream, row)]


def read_kin(source: Source, stream: str, *, up: int, down: int) -> Kin:
    """The things up to so many steps above and below a recorded version or data set."""
    walk = _Walk(source, stream)
    further_up = walk.climb(up)
    further_down = walk.descend(down)
    things = tuple(_describe(source, each, depth) for each, depth in walk.depths.items())
    return Kin(
        things=things,
        ties=tuple(walk.ties.values()),
        cut=tuple(dict.fromkeys(walk.cut)),
        further_up=further_up,
        further_down=further_down,
    )


def draw_kin(kin: Kin, base: str) -> Graph:
    """The things as a graph of links; where something was cut off, a node says so."""
    nodes = [
        Node(
            key=each.stream,
            kind="data" if each.stream.startswith("data/") else "version",
            depth=each.depth,
            name=each.name,
            told="data set" if each.stream.startswith("data/") else "model version",
            href=links.link(base, each.stream),
            marks=each.marks,
        )
        for each in kin.things
    ]
    edges = [Edge(source=each.source, of=each.of, relation=each.relation) for each in kin.ties]
    depths = {each.stream: each.depth for each in kin.things}
    for stream in kin.cut[: MAX_NODES // 10]:
        kind, _, digest = stream.partition("/")
        key, href = f"more/{stream}", f"{base}/lineage/{kind}/{digest}?up=0&down=1"
        # Beside the middle, so that the limit of a drawing never leaves it out.
        nodes.insert(1, Node(key=key, kind="more", depth=depths[stream] + 1, name="and more", href=href))
        edges.append(Edge(source=stream, of=key))
    return Graph(nodes=tuple(nodes), edges=tuple(edges))


def _parents(source: Source, stream: str) -> list[Tie]:
    return [
        Tie(source=parent.stream, of=stream, relation=parent.relation, via=parent.via)
        for parent in ancestry.origin_of(source.world, stream).parents
    ]


def _made_by(source: Source, stream: str, row: EventRow) -> Iterator[Tie]:
    """What one event in a thing's history made of it."""
    kind, _, digest = stream.partition("/")
    event = source.event(row.index)
    if isinstance(event, TrainingStarted):
        yield from _made_in(source, stream, event)
    elif isinstance(event, DatasetTransformed) and kind == "data" and digest in event.inputs:
        for each in event.outputs:
            yield Tie(source=stream, of=f"data/{each}", relation=event.operation)
    elif isinstance(event, ModelRegistered) and event.version != digest:
        relation = "training" if kind == "data" else event.derivation
        yield Tie(source=stream, of=f"version/{event.version}", relation=relation)


def _made_in(source: Source, stream: str, event: TrainingStarted) -> Iterator[Tie]:
    """What a run made of a thing that it did not merely test on."""
    kind, _, digest = stream.partition("/")
    roles = [each.role for each in event.inputs if each.data == digest and each.role != _TEST]
    relation = next(iter(roles), "") if kind == "data" else "base" if digest in event.base_versions else ""
    run = f"run/{event.event_id}"
    for made in source.list_rows(run, ("model.registered",), MAX_FAN) if relation else ():
        yield Tie(source=stream, of=f"version/{made.digest}", relation=relation, via=run)


def _describe(source: Source, stream: str, depth: int) -> Relative:
    marks: list[str] = []
    if stream.startswith("data/"):
        data = source.state(stream, Data)
        if data is not None and data.withdrawn is not msgspec.UNSET:
            marks.append("withdrawn")
    else:
        version = source.state(stream, Version)
        if version is not None:
            marks += [version.status] if version.status != "registered" else []
            marks += ["on hold"] if version.holds else []
    kind, _, digest = stream.partition("/")
    return Relative(stream=stream, name=source.name(digest) or f"{kind} {digest[:8]}…", depth=depth, marks=tuple(marks))
