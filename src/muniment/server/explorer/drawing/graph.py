"""Lineage, drawn in layers from left to right: what a thing was made of, the thing, what was made of it.

Nodes are links. Each stands in a cell of its own, so that none covers another, however many there are.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from muniment.server.explorer.drawing import svg

Kind = Literal["data", "more", "version"]

MAX_NODES = 200

_CELL, _NODE_WIDTH = 58.0, 196.0
_NODE_HEIGHT, _BETWEEN, _EDGE = 42.0, 84.0, 6.0
_SHOWN, _SHOWN_SMALL = 23, 28


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A thing at a depth: negative ones are what the thing in the middle (0) was made of. `marks` say what speaks against it."""

    key: str
    kind: Kind
    depth: int
    name: str
    told: str = ""
    href: str = ""
    marks: tuple[str, ...] = ()


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """`of` was made of, or learned from, `source`."""

    source: str
    of: str
    relation: str = ""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class Placed(msgspec.Struct, frozen=True):
    """A node and the left upper corner of its box."""

    node: Node
    x: float
    y: float


def place(graph: Graph) -> tuple[Placed, ...]:
    """Every node in a cell of its own: layers across by depth, in each the nodes near what they are tied to."""
    nodes = graph.nodes[:MAX_NODES]
    layers: dict[int, list[Node]] = {}
    for node in nodes:
        layers.setdefault(node.depth, []).append(node)
    tied: dict[str, list[str]] = {}
    for edge in graph.edges:
        tied.setdefault(edge.source, []).append(edge.of)
        tied.setdefault(edge.of, []).append(edge.source)
    tallest = max((len(layer) for layer in layers.values()), default=0)
    rows: dict[str, float] = {}
    placed: list[Placed] = []
    columns = {depth: column for column, depth in enumerate(sorted(layers))}
    # From the middle outwards, so that a layer follows the one that explains it.
    for depth in sorted(layers, key=lambda each: (abs(each), each)):
        layer = sorted(
            layers[depth], key=lambda node: (node.kind == "more", _mean([rows[k] for k in tied.get(node.key, ()) if k in rows]))
        )
        for at, node in enumerate(layer):
            row = rows[node.key] = at + (tallest - len(layer)) / 2
            placed.append(Placed(node, columns[depth] * (_NODE_WIDTH + _BETWEEN) + _EDGE, row * _CELL + _EDGE))
    return tuple(placed)


def draw(graph: Graph, named: tuple[str, str, str]) -> str:
    """The drawing; `named` as for `svg.draw_figure`."""
    placed = place(graph)
    if not placed:
        return ""
    at = {each.node.key: each for each in placed}
    edges = [edge for edge in graph.edges if edge.source in at and edge.of in at]
    width = max(each.x for each in placed) + _NODE_WIDTH + _EDGE
    height = max(each.y for each in placed) + _NODE_HEIGHT + _EDGE
    return svg.draw_figure(
        width,
        height,
        named,
        *[_draw_edge(at[edge.source], at[edge.of], edge.relation) for edge in edges],
        *[_draw_node(each) for each in placed],
        class_="figure graph",
    )


def _mean(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _draw_edge(source: Placed, of: Placed, relation: str) -> str:
    x1, y1 = source.x + _NODE_WIDTH, source.y + _NODE_HEIGHT / 2
    x2, y2 = of.x, of.y + _NODE_HEIGHT / 2
    bend = _BETWEEN / 2 if x2 > x1 else _BETWEEN
    start, end = f"{svg.number(x1)} {svg.number(y1)}", f"{svg.number(x2 - 6)} {svg.number(y2)}"
    path = f"M{start}C{svg.number(x1 + bend)} {svg.number(y1)} {svg.number(x2 - bend)} {svg.number(y2)} {end}"
    drawn = [svg.element("path", {"class": "edge", "d": path}), svg.element("path", {"class": "edge-head", "d": _head(x2, y2)})]
    # Words stand where lines have parted already: near the thing that is not the middle of the fan.
    if relation and source.node.depth < of.node.depth:
        outer = source if abs(source.node.depth) > abs(of.node.depth) else of
        x = x1 + 8 if outer is source else x2 - 12
        y = (y1 if outer is source else y2) - 6
        drawn.append(svg.write_text(x, y, svg.shorten(relation, 12), "edge-text", "start" if outer is source else "end"))
    return svg.element("g", {}, *drawn)


def _head(x: float, y: float) -> str:
    return f"M{svg.number(x)} {svg.number(y)}l-7 -4v8z"


def _draw_node(placed: Placed) -> str:
    node, x, y = placed.node, placed.x, placed.y
    middle = " node-middle" if node.depth == 0 else ""
    marked = " node-marked" if node.marks else ""
    # Data sets have round ends, versions have corners: nobody needs to tell colours apart.
    corner = _NODE_HEIGHT / 2 if node.kind == "data" else 4
    said = " · ".join(each for each in (*node.marks, node.told) if each)
    inner = 16 if node.kind == "data" else 12
    parts = [
        svg.element("title", {}, svg.escape(f"{node.name} · {said}" if said else node.name)),
        svg.element(
            "rect",
            {
                "class": f"node node-{node.kind}{middle}{marked}",
                "x": x,
                "y": y,
                "width": _NODE_WIDTH,
                "height": _NODE_HEIGHT,
                "rx": corner,
            },
        ),
        svg.write_text(x + inner, y + (18 if said else 26), svg.shorten(node.name, _SHOWN - (inner > 12)), "node-text"),
    ]
    if said:
        parts.append(svg.write_text(x + inner, y + 33, svg.shorten(said, _SHOWN_SMALL), "node-small"))
    group = svg.element("g", {}, *parts)
    return (
        svg.element("a", {"href": node.href, "aria-label": f"{node.name}, {said}" if said else node.name}, group)
        if node.href
        else group
    )
