"""Lineage drawings: any names, many nodes; nothing covers anything else, and every node leads somewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.server.explorer.drawing import graph
from muniment.server.explorer.drawing.graph import Edge, Graph, Node

NAMED = ("kin", "Lineage", "The table says the same.")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 260))
    kinds = st.sampled_from(["data", "more", "version"])
    depths = draw(st.lists(st.integers(-6, 6), min_size=count, max_size=count))
    text = st.text(max_size=50)
    name, told, href = draw(text), draw(text), draw(text)
    nodes = tuple(
        Node(
            key=str(at), kind=draw(kinds), depth=depth, name=name, told=told, href=href, marks=("withdrawn",) if at % 7 == 3 else ()
        )
        for at, depth in enumerate(depths)
    )
    key = st.integers(0, count + 3).map(str)
    edges = draw(st.lists(st.builds(Edge, source=key, of=key, relation=text), max_size=60))
    return Graph(nodes=nodes, edges=tuple(edges))


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_no_node_covers_another(drawn_from: Graph) -> None:
    root = ElementTree.fromstring(graph.draw(drawn_from, NAMED))
    boxes = [each for each in root.iter() if "node" in each.get("class", "").split()]
    assert len(boxes) == min(len(drawn_from.nodes), graph.MAX_NODES)
    corners = [(float(each.attrib["x"]), float(each.attrib["y"])) for each in boxes]
    width, height = float(boxes[0].attrib["width"]), float(boxes[0].attrib["height"])
    for at, (x, y) in enumerate(corners):
        assert 0 <= x <= float(root.attrib["width"]) - width
        assert 0 <= y <= float(root.attrib["height"]) - height
        assert all(abs(x - other) >= width or abs(y - below) >= height for other, below in corners[at + 1 :])


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_sources_stand_to_the_left(drawn_from: Graph) -> None:
    at = {each.node.key: each for each in graph.place(drawn_from)}
    for one in at.values():
        for other in at.values():
            assert (one.node.depth < other.node.depth) == (one.x < other.x)


def test_nodes_are_links_and_say_what_speaks_against_them() -> None:
    nodes = (
        Node(key="a", kind="version", depth=0, name="risk@2", told="model version", href="/models/risk/2"),
        Node(key="b", kind="data", depth=-1, name="loans@1", told="data set", href="/data/00", marks=("withdrawn",)),
    )
    root = ElementTree.fromstring(graph.draw(Graph(nodes=nodes, edges=(Edge(source="b", of="a", relation="training"),)), NAMED))
    links = {each.attrib["href"]: each.attrib["aria-label"] for each in root.iter() if each.tag == "a"}
    assert links == {"/models/risk/2": "risk@2, model version", "/data/00": "loans@1, withdrawn · data set"}
    assert "training" in {each.text for each in root.iter() if each.get("class") == "edge-text"}
    rounded = {
        each.attrib["class"].split()[1]: each.attrib["rx"] for each in root.iter() if "node" in each.get("class", "").split()
    }
    assert rounded["node-data"] != rounded["node-version"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert graph.draw(Graph(nodes=(), edges=()), NAMED) == ""
