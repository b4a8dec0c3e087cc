"""Laws of the policy file: it reads back as what was written, whatever is wrong is told with a line, and lines are true."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.rules import events, policy_text
from muniment.core.rules.policy import QUORUM, Agreement, Approvals, DataTerms, Environment, Policy, Role, Threshold
from muniment.core.rules.policy_text import position
from muniment.errors import InvalidInput
from strategies import identifiers, segments

NAMES = sorted(events.TYPES)
THE_REST = ("actor.enrolled", "approval.decided", "attempt.refused", "policy.amended")

numbers = st.sampled_from(["0", "0.90", "-1.5", "1e-07", "12"])
counts = st.integers(1, 2**53 - 1)
# Four roles at most are asked, and an event can name 64 approvals.
persons = st.integers(1, 16)


def sets(elements: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(elements, unique=True, max_size=most).map(lambda drawn: tuple(sorted(drawn)))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy that a file can say: every role that is asked may answer, and somebody may amend and record refusals."""
    names = draw(sets(segments))
    every = (*NAMES, "*")
    roles = {name: Role(name=name, may=draw(sets(st.sampled_from(every)))) for name in names}
    roles["keeper"] = Role(name="keeper", may=THE_REST)
    able = [name for name, role in roles.items() if {"*", "approval.decided"} & set(role.may)]

    def approvals() -> tuple[Approvals, ...]:
        return tuple(Approvals(role=role, count=draw(persons)) for role in draw(sets(st.sampled_from(able))))

    def agreements() -> tuple[Agreement, ...]:
        asked = approvals()
        quorate = draw(st.none() | st.sampled_from(able))
        counts = {each.role: QUORUM if each.role == quorate and len(asked) < 3 else each.count for each in asked}
        return tuple(Agreement(role=role, count=count) for role, count in counts.items())

    return Policy(
        roles=tuple(sorted(roles.values(), key=lambda role: role.name)),
        environments=tuple(
            draw(environments(name, approvals()))
            for name in draw(sets(segments.filter(lambda name: name not in {"approvals", "separation", "evaluations", "data"}), 3))
        ),
        amendment=agreements(),
        hold_roles=draw(sets(st.sampled_from(sorted(roles)))),
        record_refusals=draw(sets(st.sampled_from(NAMES))),
    )


def environments(name: str, approvals: tuple[Approvals, ...]) -> st.SearchStrategy[Environment]:
    thresholds = st.builds(
        Threshold,
        metric=identifiers,
        comparator=st.sampled_from(["eq", "ge", "gt", "le", "lt"]),
        threshold=numbers,
        dataset_role=st.sampled_from(["test", "training", "validation"]),
    )
    return st.builds(
        Environment,
        name=st.just(name),
        approvals=st.just(approvals),
        separation=sets(st.sampled_from(["deployer", "evaluator", "registrar", "trainer"])),
        evaluations=st.lists(thresholds, unique_by=Threshold.order, max_size=3).map(
            lambda drawn: tuple(sorted(drawn, key=Threshold.order))
        ),
        data=st.just(msgspec.UNSET)
        | st.builds(DataTerms, licences=sets(segments), purposes=sets(identifiers), allow_unknown_ancestry=st.booleans()),
        max_approval_age_days=st.just(msgspec.UNSET) | counts,
    )


@given(policy=policies())
def test_what_is_written_reads_back(policy: Policy) -> None:
    text = policy_text.format(policy, ("keeper",))
    assert policy_text.parse_file(text) == policy_text.File(policy, ("keeper",))
    assert policy_text.format(policy_text.parse(text), ("keeper",)) == text


@given(policy=policies(), active=st.integers(0, 64))
def test_everything_can_be_told(policy: Policy, active: int) -> None:
    sentences = [*policy_text.sentences(policy, active), *policy_text.doubts(policy), *policy_text.doubts(policy, active)]
    for sentence in (*sentences, *map(policy_text.describe_role, policy.roles)):
        assert sentence.endswith((".", "it."))
        assert "  " not in sentence


@given(old=policies(), new=policies(), active=st.none() | st.integers(0, 64))
def test_nothing_changes_exactly_where_two_are_one(old: Policy, new: Policy, active: int | None) -> None:
    assert policy_text.compare(old, old, active) == ()
    assert bool(policy_text.compare(old, new, active)) == (old != new)


@given(policy=policies())
def test_lines_are_those_of_the_words(policy: Policy) -> None:
    text = policy_text.format(policy, ("keeper",))
    lines, where = text.split("\n"), position.locate(text)
    assert (where.unclosed, where.repeated) == (None, ())
    for role in policy.roles:
        assert role.name in lines[where.line_of(("roles", role.name)) - 1]
    for environment in policy.environments:
        assert environment.name in lines[where.line_of(("environments", environment.name)) - 1]
        for number, threshold in enumerate(environment.evaluations):
            assert threshold.metric in lines[where.line_of(("environments", environment.name, "evaluations", number)) - 1]


@settings(max_examples=100)
@given(
    policy=policies(), at=st.floats(0, 1, exclude_max=True), cut=st.integers(0, 6), put=st.text("[]{}\"'\\=,.#\n x1é\0", max_size=4)
)
def test_whatever_is_wrong_is_told_with_a_line(policy: Policy, at: float, cut: int, put: str) -> None:
    text = policy_text.format(policy)
    place = int(at * len(text))
    spoilt = text[:place] + put + text[place + cut :]
    error = attempt(spoilt)
    if error is None:
        return
    line = error.details["line"]
    assert error.code == "bad-policy-file"
    assert isinstance(line, int)
    assert 1 <= line <= spoilt.count("\n") + 1
    assert str(error).startswith(f"line {line}: ")
    assert error.hint.endswith((".", "?"))


def attempt(text: str) -> InvalidInput | None:
    try:
        policy_text.parse(text)
    except InvalidInput as error:
        return error
    return None


@given(text=st.text("[]{}\"'\\=,.#\n xa1", max_size=60))
def test_the_scanner_takes_anything(text: str) -> None:
    found = position.locate(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.lines.values())
