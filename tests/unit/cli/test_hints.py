"""What we tell people to run: every command that a hint, a mend or a help text names exists, and so do its options."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import muniment
from muniment.cli import application

SOURCE = Path(muniment.__file__).parent
FILLED = "FILLED-IN"
"""Stands for what a template is filled with."""
# In backticks; or bare at the beginning of a line, behind a colon, `or` or `&&`, up to where prose or a shell goes on.
QUOTED = re.compile(r"`muniment ([a-z-][^`]*)`")
SHORT = re.compile(r"`((?:config|hand-off|keys|policy) [A-Za-z-][^`]*)`")
BARE = re.compile(r"(?:^[ #]*|: |, or | && )muniment ([a-z-].*?)(?= && | > | where |  |, |\. |: | \(|\.?$)", re.MULTILINE)


def alternatives(node: ast.expr) -> list[str]:
    """What a piece of text may say: itself, either side of a condition, or anything."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=other):
            return [*alternatives(body), *alternatives(other)]
        case ast.FormattedValue(value=value):
            return alternatives(value)
        case ast.JoinedStr(values=values):
            return ["".join(parts) for parts in itertools.product(*map(alternatives, values))]
    return [FILLED]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inner:
            yield from ((node.lineno, text) for text in alternatives(node) if text != FILLED)


def named() -> dict[str, str]:
    """Every command that a text names, with a place where it does."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for line, text in texts(path):
            for pattern in (QUOTED, BARE, SHORT):
                for match in pattern.finditer(text):
                    found.setdefault(" ".join(match[1].split()), f"{path.relative_to(SOURCE)}:{line}")
    return found


NAMED = named()


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that some words name, and the words behind its name."""
    command: click.Command = application.application
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        # As a shell would: a group such as `hand-off` may say itself what a word means.
        _, inner, words = command.resolve_command(context, words)
        assert inner is not None
        command, context = inner, click.Context(inner, parent=context)
    return command, words


def check(command: click.Command, words: list[str]) -> None:
    """Check that the options are there, that they take the values given, and that there are not too many arguments."""
    options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    arguments = 0
    while words and words[0] != "--":
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            arguments += FILLED not in word
            continue
        name, _, value = word.partition("=")
        assert name in options, f"there is no option {name}"
        option = options[name]
        if isinstance(option, click.Option) and not option.is_flag and (value or words):
            value = value or words.pop(0)
            assert not value.startswith("-"), f"{name} has no value"
            if isinstance(option.type, click.Choice) and FILLED not in value and not value.isupper():
                assert value in option.type.choices, f"{name} does not take {value}"
    most = [each.nargs for each in command.params if isinstance(each, click.Argument)]
    assert -1 in most or arguments <= sum(most), f"{arguments} arguments are given, and {sum(most)} are taken"


@pytest.mark.parametrize("said", sorted(NAMED))
def test_what_we_tell_people_to_run_exists(said: str) -> None:
    place = NAMED[said]
    try:
        words = shlex.split(said, comments=True)
        if words in (["--help"], ["--version"]):
            return
        check(*resolve(words))
    except (AssertionError, click.UsageError, ValueError) as error:
        pytest.fail(f"{place} says `muniment {said}`: {error}")


def test_they_are_found() -> None:
    """The patterns find what is there: a mend, a template, the second of two commands, a line of a help text."""
    for said in (
        "approve --revoke ENTRY",
        f"deploy {FILLED} ENVIRONMENT --transition stop",
        f"init --policy {FILLED}",
        f"policy amend {FILLED}",
        "verify proof.json",
        'waive approvals credit-risk@7 production --for 4h --measures "two people watch it"',
        "keys request",
    ):
        assert said in NAMED, said
    assert len(NAMED) > 90


@pytest.mark.parametrize(
    "said",
    ["aprove X", "approve X --reson why", "keys lst", "policy amend A B", "prove X --that fine", "deploy --environment --name x"],
)
def test_a_mistake_is_noticed(said: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check(*resolve(shlex.split(said)))
