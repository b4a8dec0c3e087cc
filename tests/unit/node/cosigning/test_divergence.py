"""node.divergence: what nodes say of themselves, and who is named for it."""

from __future__ import annotations

import pytest

import makers
from cosigners import cosign, other_root
from muniment.core.format import checkpoint
from muniment.core.format.checkpoint import Checkpoint
from muniment.node.cosigning.divergence import APART_SECONDS, UNDECIDED_SECONDS, Contradiction, Divergences

QUORUM = 3


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def divergences(clock: Clock) -> Divergences:
    return Divergences("bank", lambda _: "", clock=clock)


def said(made: Divergences, **roots: bool) -> None:
    """Each organisation says whether it had this node's root after height 7."""
    for name, same in roots.items():
        made.compare(name, 7, QUORUM, differs=not same)


def test_who_is_apart_from_a_quorum_is_named_at_once() -> None:
    made = divergences(Clock())
    said(made, watch=False)
    assert made.troubles() == {}
    said(made, lab=True, source=True)
    assert made.troubles() == {
        ("peer-diverged", "watch"): "the node of watch says that after the engine's height 7 it had another root; "
        "a quorum had what this node has"
    }


def test_a_node_apart_from_a_quorum_names_itself_and_nobody_else() -> None:
    made = divergences(Clock())
    said(made, lab=False, source=False, watch=False)
    assert {*made.troubles()} == {("diverged", "bank")}


def test_two_and_two_is_told_of_both_and_that_neither_has_a_quorum() -> None:
    clock = Clock()
    made = divergences(clock)
    said(made, lab=True, source=False, watch=False)
    assert made.troubles() == {}
    clock.now += APART_SECONDS + 1
    assert {*made.troubles()} == {("peer-diverged", "source"), ("peer-diverged", "watch")}
    assert all("neither of the two has a quorum" in text for text in made.troubles().values())


def test_what_was_right_before_does_not_count_for_what_came_later() -> None:
    made = divergences(Clock())
    for name in ("lab", "source"):
        made.compare(name, 6, QUORUM, differs=False)
    said(made, watch=False)
    assert made.troubles() == {}


def test_whoever_comes_back_is_named_no_more() -> None:
    made = divergences(Clock())
    said(made, watch=False, lab=True, source=True)
    made.compare("watch", 6, QUORUM, differs=False)
    assert made.troubles()
    made.compare("watch", 8, QUORUM, differs=False)
    assert made.troubles() == {}


def test_whom_the_chain_went_on_with_is_not_named() -> None:
    clock = Clock()
    made = divergences(clock)
    said(made, lab=False)
    made.pass_on("lab")
    clock.now += APART_SECONDS + 1
    assert made.troubles() == {}


@pytest.mark.parametrize(
    ("ours", "code"),
    [(("alpha", "bank", "charlie"), "peer-diverged"), (("bank",), "diverged")],
)
def test_old_keys_that_speak_twice_do_not_turn_a_node_against_a_quorum(ours: tuple[str, ...], code: str) -> None:
    """Keys of members who left, or of a time with few members, may reach the quorum of that time again."""
    clock = Clock()
    made = divergences(clock)
    text = checkpoint.format(Checkpoint(makers.ORIGIN, 7, bytes(32)))
    forgers = ("alpha", "charlie", "delta")
    for name in forgers:
        made.note(
            Contradiction(
                organisation=name,
                ours=cosign(text, "alpha").encode(),
                theirs=cosign(other_root(text), name).encode(),
                our_voters=ours,
                their_voters=(name,),
                quorum=QUORUM,
            )
        )
    clock.now += UNDECIDED_SECONDS + 1
    assert {found for found, _ in made.troubles()} == {code}
