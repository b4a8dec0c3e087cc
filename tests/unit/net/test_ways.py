"""Which of several nodes is asked, and what is told of those that fail."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from muniment.core.proof import evidence
from muniment.core.proof.evidence import Evidence, SplitView
from muniment.errors import (
    Conflict,
    CorruptStore,
    InvalidInput,
    LedgerError,
    MunimentError,
    NotFound,
    Unavailable,
    VerificationError,
)
from muniment.net import address
from muniment.net.transport import Transport
from muniment.net.ways import AWAY_S, DISTRUST_S, NodeWarning, Ways

NOTE = "example.com/test\n{size}\n" + "A" * 43 + "=\n\n— example.com/test AAAAAAAA\n"


class Nodes:
    """Three addresses, and what asking each of them comes to."""

    def __init__(self, count: int = 3) -> None:
        self.now = 100.0
        self.transports = tuple(Transport(address.parse(f"http://127.0.0.1:{port}")) for port in range(1, count + 1))
        self.outcomes: list[MunimentError | None] = [None] * count
        self.asked: list[int] = []
        self.ways = Ways(self.transports, clock=lambda: self.now)

    def answer(self, way: Transport) -> int:
        number = self.transports.index(way)
        self.asked.append(number)
        outcome = self.outcomes[number]
        if outcome is not None:
            raise outcome
        return number

    def ask(self, **named: Any) -> int:
        self.asked.clear()
        return self.ways.ask(self.answer, **named)


def split() -> SplitView:
    shown = NOTE.format(size=3)
    return SplitView(Evidence(format=evidence.FORMAT, kind="rollback", pinned=NOTE.format(size=5), shown=shown), path="/e.json")


AWAY = Unavailable("cannot be reached", code="unreachable", retry_after=5.0)
LYING = VerificationError("it does not hold", step=3, code="log-signature")
QUORUM = VerificationError("too few", step=4, code="quorum")


def test_the_last_good_one_is_asked_again() -> None:
    nodes = Nodes()
    assert (nodes.ask(), nodes.asked) == (0, [0])
    nodes.outcomes[0] = AWAY
    with pytest.warns(NodeWarning, match="http://127.0.0.1:1 is left out for now: cannot be reached"):
        assert (nodes.ask(), nodes.asked) == (1, [0, 1])
    nodes.outcomes[0] = None
    assert (nodes.ask(), nodes.asked) == (1, [1])


@pytest.mark.parametrize(
    ("error", "away_s"),
    [
        (AWAY, AWAY_S),
        (LedgerError("it failed"), AWAY_S),
        (CorruptStore("other bytes"), AWAY_S),
        (LYING, DISTRUST_S),
        (split(), DISTRUST_S),
    ],
)
def test_one_that_failed_rests_and_comes_back(error: MunimentError, away_s: float) -> None:
    nodes = Nodes()
    nodes.outcomes[0] = error
    with pytest.warns(NodeWarning):
        nodes.ask()
    first = nodes.transports[0]
    nodes.now += away_s - 1
    assert (nodes.ask(first=first), nodes.asked) == (1, [1])
    nodes.now += 2
    # Said once.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (nodes.ask(first=first), nodes.asked) == (1, [0, 1])
    nodes.now += away_s + 1
    nodes.outcomes[0] = None
    assert (nodes.ask(first=first), nodes.asked) == (0, [0])


def test_one_that_rests_is_asked_where_all_others_fail() -> None:
    nodes = Nodes()
    nodes.outcomes[:] = [AWAY, None, None]
    with pytest.warns(NodeWarning):
        nodes.ask()
    nodes.outcomes[:] = [None, LYING, LYING]
    with pytest.warns(NodeWarning):
        assert (nodes.ask(), nodes.asked) == (0, [1, 2, 0])


@pytest.mark.parametrize(
    "error", [InvalidInput("no"), NotFound("no"), Conflict("no"), Unavailable("it grew", code="moved", retry_after=0.0)]
)
def test_what_every_node_would_say_is_no_failure(error: MunimentError) -> None:
    nodes = Nodes()
    nodes.outcomes[0] = error
    with pytest.raises(type(error)):
        nodes.ask()
    assert nodes.asked == [0]


def test_what_only_some_hold_is_looked_for_at_all() -> None:
    nodes = Nodes()
    nodes.outcomes[:] = [NotFound("not here"), AWAY, None]
    with pytest.warns(NodeWarning):
        assert (nodes.ask(lacking=True), nodes.asked) == (2, [0, 1, 2])
    nodes.outcomes[2] = NotFound("nor here")
    with pytest.raises(NotFound):
        nodes.ask(lacking=True)


@pytest.mark.parametrize("code", ["behind", "busy"])
def test_one_that_is_behind_or_has_much_to_do_is_passed_over_in_silence(code: str) -> None:
    nodes = Nodes()
    nodes.outcomes[0] = Unavailable("not now", code=code, retry_after=1.0)
    assert nodes.ask() == 1
    nodes.outcomes[0] = None
    nodes.now += 2
    assert nodes.ask(first=nodes.transports[0]) == 0


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ((AWAY, LYING, split()), SplitView),
        ((QUORUM, LYING, AWAY), LYING),
        ((AWAY, AWAY, QUORUM), QUORUM),
        ((AWAY, LedgerError("forbidden", code="forbidden"), AWAY), LedgerError),
        ((AWAY, Unavailable("a token is needed", code="unauthenticated"), AWAY), Unavailable),
    ],
)
def test_of_several_failures_the_most_telling_is_raised(
    outcomes: tuple[MunimentError, ...], told: MunimentError | type[MunimentError]
) -> None:
    nodes = Nodes()
    nodes.outcomes[:] = list(outcomes)
    with pytest.raises(MunimentError) as caught, pytest.warns(NodeWarning):
        nodes.ask()
    if isinstance(told, MunimentError):
        assert caught.value is told
    else:
        assert type(caught.value) is told
        assert caught.value.code != "unreachable"
    assert any("http://127.0.0.1:" in each for each in caught.value.__notes__)


def test_while_all_are_away_all_are_asked_again_a_few_times() -> None:
    nodes = Nodes(2)
    nodes.outcomes[:] = [AWAY, AWAY]
    with pytest.raises(Unavailable), pytest.warns(NodeWarning):
        nodes.ask()
    assert nodes.asked == [0, 1] * 3


def test_where_waiting_does_not_help_nobody_waits() -> None:
    nodes = Nodes(2)
    nodes.outcomes[:] = [AWAY, Unavailable("a token is needed", code="unauthenticated")]
    with pytest.raises(Unavailable), pytest.warns(NodeWarning):
        nodes.ask()
    assert nodes.asked == [0, 1]


def test_a_single_node_fails_as_it_fails_and_nothing_is_said() -> None:
    nodes = Nodes(1)
    for error in (AWAY, LYING):
        nodes.outcomes[0] = error
        with pytest.raises(MunimentError) as caught:
            nodes.ask(lacking=True)
        assert caught.value is error
        assert nodes.asked == [0]
    assert (nodes.ways.url, nodes.ways.are_several) == ("http://127.0.0.1:1", False)
    assert Nodes(2).ways.url == "http://127.0.0.1:1 http://127.0.0.1:2"


def test_evidence_is_named() -> None:
    nodes = Nodes()
    nodes.outcomes[0] = split()
    with pytest.warns(NodeWarning, match=r"contradicts what was seen of this ledger.*Evidence: /e\.json"):
        nodes.ask()
