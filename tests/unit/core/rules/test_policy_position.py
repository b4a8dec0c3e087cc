"""core.rules.policy_text.position: where things stand in a file."""

from __future__ import annotations

import pytest

from muniment.core.rules.policy_text import position
from muniment.core.rules.policy_text.position import Path, Repeated

TEXT = '''\
# a comment = [
a = 1  # another "
"b c".'d' = """
[x]
"""
[t]
list = [  # one
    "]", 'two"',

    { k = "#", "l" = [1, 2] }, 3.5, 2026-11-23 07:00:00Z
]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b c", "d"), 3),
        (("b c",), 3),
        (("t",), 6),
        (("t", "list"), 7),
        (("t", "list", 0), 8),
        (("t", "list", 1), 8),
        (("t", "list", 2, "k"), 10),
        (("t", "list", 2, "l", 1), 10),
        (("t", "list", 4), 10),
        (("t", "list", 9), 7),
        (("x",), 1),
        ((), 1),
    ],
)
def test_everything_has_its_line(path: Path, line: int) -> None:
    assert position.locate(TEXT).line_of(path) == line


def test_lines_may_end_in_two_characters() -> None:
    assert position.locate(TEXT.replace("\n", "\r\n")).lines == position.locate(TEXT).lines


def test_tables_in_a_list() -> None:
    found = position.locate("[[a]]\nx = 1\n[[a]]\nx = 2\n[a.b]\ny = 3\n")
    assert found.repeated == ()
    assert [found.line_of(path) for path in [("a",), ("a", 0, "x"), ("a", 1, "x"), ("a", 1, "b", "y")]] == [1, 2, 4, 6]


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("a = 1\nb = 2\na = 3\n", Repeated(("a",), 1, 3)),
        ("[t]\na = 1\n\n[t]\n", Repeated(("t",), 1, 4)),
        ("a = { b = 1, b = 2 }\n", Repeated(("a", "b"), 1, 1)),
        ("a.b = 1\n'a'.\"b\" = 1\n", Repeated(("a", "b"), 1, 2)),
        ('"\\u0061" = 1\na = 1\n', Repeated(("a",), 1, 2)),
    ],
)
def test_what_stands_there_twice(text: str, repeated: Repeated) -> None:
    assert position.locate(text).repeated == (repeated,)


@pytest.mark.parametrize(
    ("text", "unclosed"),
    [
        ("a = [\n1,\n", 1),
        ("a = 1\nb = [1 2]\n", 2),
        ("a = [\n{ b = [\n", 2),
        ("a = { b = 1\n", 1),
        ("a = [1]\n", None),
        ("a = 'x\nb = 1\n", None),
    ],
)
def test_a_bracket_that_stays_open(text: str, unclosed: int | None) -> None:
    assert position.locate(text).unclosed == unclosed


def test_a_walk_that_ends_early_knows_what_it_saw() -> None:
    found = position.locate("a = 1\nb = = 2\nc = 3\n")
    assert [found.line_of((name,)) for name in "abc"] == [1, 2, 1]
