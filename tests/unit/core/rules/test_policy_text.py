"""core.rules.policy_text: what a policy says, doubts and differences in words, and its form as a file."""

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import pytest

from muniment.core.rules import events, policy_text
from muniment.core.rules.policy import QUORUM, Agreement, Approvals, DataTerms, Environment, Policy, Quorum, Role, Threshold
from muniment.errors import InvalidInput

ADMIN = Role(name="admin", may=("actor.enrolled", "attempt.refused", "policy.amended"))
APPROVER = Role(name="approver", may=("approval.decided",))
RISK = Role(name="risk", may=("approval.decided", "incident.closed", "incident.recorded"))
AUC = Threshold(metric="auc", comparator="ge", threshold="0.90", dataset_role="test")
PRODUCTION = Environment(
    name="production",
    approvals=(Approvals(role="approver", count=2), Approvals(role="risk", count=1)),
    separation=("deployer", "trainer"),
    evaluations=(AUC,),
    data=DataTerms(licences=("CC-BY-4.0", "CC0-1.0"), purposes=("credit-scoring",)),
    max_approval_age_days=30,
)
POLICY = Policy(
    roles=(ADMIN, APPROVER, RISK),
    environments=(PRODUCTION, Environment(name="staging")),
    amendment=(Agreement(role="approver", count=2),),
    hold_roles=("risk",),
    record_refusals=("deployment.changed",),
)


def with_production(**fields: object) -> Policy:
    return msgspec.structs.replace(POLICY, environments=(msgspec.structs.replace(PRODUCTION, **fields), POLICY.environments[1]))


def may_all_but(*missing: str) -> Policy:
    """A policy under which everything can be written, apart from some events."""
    owner = Role(name="owner", may=tuple(sorted(set(events.TYPES) - set(missing))))
    return Policy(roles=(Role(name="node", may=("attempt.refused",)), owner))


def told(old: Policy, new: Policy) -> list[tuple[str, str, str]]:
    return [(change.of, change.effect, change.sentence) for change in policy_text.compare(old, new)]


def test_sentences() -> None:
    assert list(policy_text.sentences(POLICY)) == [
        "production asks for the approval of 2 persons as approver and 1 person as risk; the word of whoever deploys or trained it "
        "does not count.",
        "There an approval counts for 30 days.",
        "production asks for a measurement of auc at least 0.90 on test data.",
        "production takes only what learned from data under CC-BY-4.0 or CC0-1.0, through any number of steps.",
        "production takes only what learned from data that may be used for credit-scoring.",
        "production takes only what is known to the last step: every model and data set that it came from is recorded.",
        "staging asks for nothing, but that a version is neither retired, nor on hold, nor made from withdrawn data.",
        "Nothing runs in any other environment than production and staging.",
        "This policy is changed by the role admin, once 2 persons as approver have approved the new one.",
        "Only the role risk may open and release a hold, or revoke the decisions of others.",
        "When an attempt at deployment.changed is refused, the refusal itself is recorded.",
    ]
    assert policy_text.describe_role(APPROVER) == "approver may write approval.decided."
    assert policy_text.describe_role(Role(name="guest")) == "guest may write nothing."
    assert policy_text.describe_role(Role(name="owner", may=("*",))) == "owner may write everything."


QUORATE = msgspec.structs.replace(POLICY, amendment=(Agreement(role="approver", count=QUORUM), Agreement(role="risk", count=2)))


def with_amendment(**counts: int | Quorum) -> Policy:
    asked = tuple(Agreement(role=role, count=count) for role, count in sorted(counts.items()))
    return msgspec.structs.replace(POLICY, amendment=asked)


@pytest.mark.parametrize(
    ("active", "said"),
    [
        (0, "more than two thirds of the members as approver and 2 persons as risk have"),
        (4, "more than two thirds of the members (now 3 of 4) as approver and 2 members as risk have"),
        (13, "more than two thirds of the members (now 9 of 13) as approver and 2 members as risk have"),
    ],
)
def test_a_quorum_in_words(active: int, said: str) -> None:
    assert f"This policy is changed by the role admin, once {said} approved the new one." in policy_text.sentences(QUORATE, active)


@pytest.mark.parametrize(
    ("policy", "active", "doubt"),
    [
        (
            with_amendment(approver=QUORUM),
            None,
            "`quorum` is one voice: one person could approve a change of the policy there alone.",
        ),
        (with_amendment(approver=QUORUM), 0, "`quorum` is one voice: one person could approve a change of the policy there alone."),
        (QUORATE, 0, "In a ledger of one operator, which has no members, `quorum` is one voice."),
        (with_amendment(approver=3), 13, "needs the approval of 3 members, while it takes 9 of 13 members to make a proof"),
        (with_amendment(approver=3), 13, '`amendment = { approver = "quorum" }` asks for more than two thirds of the members'),
        # Two members may hold both roles.
        (with_amendment(approver=2, risk=2), 4, "needs the approval of 2 members, while it takes 3 of 4 members"),
        (with_amendment(approver=1), 2, "needs 1 member's approval, while it takes 2 of 2 members"),
        (with_amendment(), 4, "needs nobody's approval, while it takes 3 of 4 members"),
    ],
)
def test_doubts_about_who_changes_the_rules(policy: Policy, active: int | None, doubt: str) -> None:
    assert any(doubt in each for each in policy_text.doubts(policy, active)), list(policy_text.doubts(policy, active))


@pytest.mark.parametrize(
    ("policy", "active"),
    [
        *((with_amendment(approver=QUORUM), active) for active in (1, 4, 13, 64)),
        (with_amendment(approver=9), 13),
        # A number asks for no more members than there are.
        (with_amendment(approver=9), 4),
        (with_amendment(approver=3), 4),
        (with_amendment(approver=2), None),
        (with_amendment(approver=2), 0),
    ],
)
def test_no_doubt_about_who_changes_the_rules(policy: Policy, active: int | None) -> None:
    assert not [each for each in policy_text.doubts(policy, active) if "change of the policy" in each or "quorum" in each]


@pytest.mark.parametrize(
    ("old", "new", "active", "effect"),
    [
        (3, QUORUM, None, "different"),
        (QUORUM, 3, None, "different"),
        (3, QUORUM, 4, "different"),
        (3, QUORUM, 13, "stricter"),
        (QUORUM, 3, 13, "looser"),
        (2, QUORUM, 0, "looser"),
        (13, QUORUM, 13, "looser"),
        (0, QUORUM, None, "stricter"),
        (QUORUM, 0, None, "looser"),
        (2, 3, None, "stricter"),
    ],
)
def test_a_number_that_becomes_a_quorum(old: int | Quorum, new: int | Quorum, active: int | None, effect: str) -> None:
    before, after = (with_amendment(**({"approver": each} if each else {})) for each in (old, new))
    (change,) = policy_text.compare(before, after, active)
    words = {QUORUM: ("the approval of more than two thirds of the members", "those of more than two thirds of the members")}
    now = words.get(str(new), (f"{new or 'no'} approvals", ""))[0]
    was = words.get(str(old), ("", str(old or "none")))[1]
    assert (change.of, change.effect) == ("amendment", effect)
    assert change.sentence == f"A change of the policy needs {now} by the role approver, not {was}."


def test_a_quorum_in_a_file() -> None:
    text = policy_text.format(QUORATE)
    assert 'amendment = { approver = "quorum", risk = 2 }\n' in text
    assert policy_text.parse(text) == QUORATE


@pytest.mark.parametrize(
    ("count", "what", "mend"),
    [
        ("0", "a number of persons is at least 1, not 0", "write 1 or more"),
        ("-1", "a number of persons is at least 1, not -1", "write 1 or more"),
        ('"Quorum"', "a number of persons or \"quorum\" is expected here, not the text 'Quorum'", 'Did you mean "quorum"?'),
        ('"quorom"', "not the text 'quorom'", 'Did you mean "quorum"?'),
        ('"all"', "not the text 'all'", 'Write a whole number without quotes, or "quorum".'),
        ('"3"', "not the text '3'", 'Write a whole number without quotes, or "quorum".'),
        ("true", "not the word true", "Write a whole number without quotes"),
        ("1.5", "not the number 1.5", "Write a whole number without quotes"),
        ("65", "more than 64 approvals", 'As "quorum" counts 43'),
    ],
)
def test_another_count_is_told_with_its_mend(count: str, what: str, mend: str) -> None:
    text = policy_text.format(POLICY).replace("amendment = { approver = 2 }", f"amendment = {{ approver = {count} }}")
    with pytest.raises(InvalidInput) as caught:
        policy_text.parse(text)
    assert caught.value.code == "bad-policy-file"
    assert what in str(caught.value)
    assert mend in caught.value.hint


def test_a_quorum_beside_too_many_persons_is_more_than_an_event_can_name() -> None:
    text = policy_text.format(POLICY)
    for risk, fits in ((21, True), (22, False)):
        asked = f'amendment = {{ approver = "quorum", risk = {risk} }}'
        spoilt = text.replace("amendment = { approver = 2 }", asked)
        if fits:
            policy_text.parse(spoilt)
            continue
        with pytest.raises(InvalidInput, match="more than 64 approvals"):
            policy_text.parse(spoilt)


def test_an_environment_takes_no_quorum() -> None:
    text = policy_text.format(POLICY).replace(
        "approvals = { approver = 2, risk = 1 }", 'approvals = { approver = "quorum", risk = 1 }'
    )
    with pytest.raises(InvalidInput, match='"quorum" is for the setting amendment alone') as caught:
        policy_text.parse(text)
    assert "Persons approve here" in caught.value.hint


def test_a_policy_that_asks_for_nothing() -> None:
    said = list(policy_text.sentences(Policy(roles=(Role(name="owner", may=("*",)),))))
    assert said == [
        "No environment is listed: a version may run anywhere, and nothing is asked of it.",
        "Any one person with the role owner may change this policy alone.",
        "Whoever may write the event may open and release a hold, and revoke the decisions of others.",
    ]
    assert "Nobody may change this policy." in policy_text.sentences(Policy(roles=(APPROVER,)))


@pytest.mark.parametrize(
    ("policy", "doubt"),
    [
        (Policy(roles=(APPROVER,)), "Nobody may enrol anybody"),
        (Policy(roles=(APPROVER,)), "Nobody may deploy anything"),
        (Policy(roles=(APPROVER,)), "No environment is listed"),
        (Policy(roles=(APPROVER,)), "The policy can be changed by one person alone"),
        (Policy(roles=(APPROVER,)), "Nobody may release a hold: no role may write incident.closed."),
        (Policy(roles=(APPROVER,)), "There is no role node"),
        (Policy(roles=(Role(name="guest"),)), "The role guest may write nothing."),
        (Policy(roles=(Role(name="owner", may=("*", "note.added")),)), "the events that stand beside it change nothing"),
        (msgspec.structs.replace(POLICY, hold_roles=("approver",)), "Nobody may release a hold: none of approver may write"),
        (
            msgspec.structs.replace(POLICY, amendment=(Agreement(role="risk", count=1),)),
            "could approve a change of the policy alone",
        ),
        (with_production(approvals=(Approvals(role="risk", count=1),)), "One person alone could give all approvals of production."),
        (
            with_production(approvals=tuple(Approvals(role=role, count=1) for role in ("approver", "risk"))),
            "One person who holds every role named could give all approvals of production",
        ),
        (with_production(separation=()), "Whoever trained a version may approve it for production"),
        (with_production(approvals=()), "`separation` of production has no effect"),
        (with_production(approvals=()), "`max-approval-age-days` of production has no effect"),
        (with_production(separation=("evaluator",), evaluations=()), "The evaluator is separated in production only where"),
        (POLICY, "Nobody may deploy to production: it asks for measurements"),
        (POLICY, "No role may write dataset.registered, dataset.transformed, training.started, training.finished, "),
        (may_all_but("ownership.accepted", "note.added"), "No role may write ownership.accepted or note.added, so nobody can"),
        (may_all_but("parameter.changed"), "No role may write parameter.changed, so nobody can record that."),
        (may_all_but("incident.closed"), "Nobody may release a hold: no role may write incident.closed."),
        (POLICY, "staging asks for nothing."),
    ],
)
def test_doubts(policy: Policy, doubt: str) -> None:
    assert any(doubt in each for each in policy_text.doubts(policy)), list(policy_text.doubts(policy))


@pytest.mark.parametrize("missing", ["actor.enrolled", "deployment.changed", "incident.closed"])
def test_what_nobody_may_write_is_said_once(missing: str) -> None:
    assert sum(missing in each for each in policy_text.doubts(may_all_but(missing))) == 1


@pytest.mark.parametrize("name", ["regulated", "solo", "team"])
def test_under_the_ready_policies_a_whole_life_can_be_recorded(name: str) -> None:
    file = Path(policy_text.__file__).parents[3] / "policies" / f"{name}.toml"
    assert not [each for each in policy_text.doubts(policy_text.parse(file.read_text())) if "may write" in each]


def test_a_sound_policy_raises_few_doubts() -> None:
    assert not any("hold" in each or "alone" in each for each in policy_text.doubts(POLICY))


@pytest.mark.parametrize(
    ("fields", "effect", "sentence"),
    [
        ({"approvals": PRODUCTION.approvals[:1]}, "looser", "production needs no approvals by the role risk, not 1."),
        ({"separation": ("trainer",)}, "looser", "For production, the approval of whoever deploys it counts from now on."),
        ({"separation": ("deployer", "registrar", "trainer")}, "stricter", "whoever registered it does not count any more."),
        ({"evaluations": ()}, "looser", "production asks for auc at least 0.90 on test data no longer."),
        ({"max_approval_age_days": 60}, "looser", "Approvals for production count for 60 days, not 30."),
        ({"max_approval_age_days": 7}, "stricter", "Approvals for production count for 7 days, not 30."),
        ({"max_approval_age_days": msgspec.UNSET}, "looser", "Approvals for production do not age any more"),
        ({"data": msgspec.structs.replace(PRODUCTION.data, licences=())}, "looser", "no particular licence any more"),
        ({"data": msgspec.structs.replace(PRODUCTION.data, licences=("CC0-1.0",))}, "stricter", "under CC-BY-4.0 no longer."),
        ({"data": msgspec.structs.replace(PRODUCTION.data, licences=("A", "CC-BY-4.0", "CC0-1.0"))}, "looser", "under A too."),
        ({"data": msgspec.structs.replace(PRODUCTION.data, purposes=())}, "looser", "need not allow the purpose credit-scoring"),
        ({"data": msgspec.structs.replace(PRODUCTION.data, allow_unknown_ancestry=True)}, "looser", "unknown models or data"),
    ],
)
def test_what_changes_in_an_environment(fields: dict[str, object], effect: str, sentence: str) -> None:
    ((of, found, words),) = told(POLICY, with_production(**fields))
    assert (of, found) == ("environments.production", effect)
    assert sentence in words


@pytest.mark.parametrize(
    ("comparator", "old", "new", "effect"),
    [
        ("ge", "0.8", "0.9", "stricter"),
        ("gt", "0.9", "0.8", "looser"),
        ("le", "2", "1", "stricter"),
        ("lt", "1", "1e1", "looser"),
        ("eq", "1", "2", "different"),
        ("ge", "0.9", "0.90", "different"),
    ],
)
def test_a_threshold_that_moves(comparator: str, old: str, new: str, effect: str) -> None:
    before, after = (
        with_production(evaluations=(Threshold(metric="m", comparator=comparator, threshold=each, dataset_role="test"),))  # type: ignore[arg-type]
        for each in (old, new)
    )
    assert [found for _, found, _ in told(before, after)] == [effect]


def test_environments_that_come_and_go() -> None:
    nowhere = msgspec.structs.replace(POLICY, environments=())
    only = msgspec.structs.replace(POLICY, environments=(PRODUCTION,))
    assert told(POLICY, only) == [("environments.staging", "stricter", "Nothing can be deployed to staging any more.")]
    assert told(only, POLICY) == [
        ("environments.staging", "looser", "staging is a new environment, to which versions may be deployed.")
    ]
    assert [effect for _, effect, _ in told(POLICY, nowhere)] == ["looser"]
    assert {effect for _, effect, _ in told(nowhere, POLICY)} == {"stricter"}


def test_roles_that_come_and_go() -> None:
    more = msgspec.structs.replace(POLICY, roles=(ADMIN, Role(name="approver", may=("approval.decided", "note.added")), RISK))
    assert told(POLICY, more) == [("roles.approver", "looser", "approver may also write note.added.")]
    assert told(more, POLICY) == [("roles.approver", "stricter", "approver may no longer write note.added.")]
    other = msgspec.structs.replace(POLICY, roles=(ADMIN, APPROVER, Role(name="guest"), RISK))
    assert told(POLICY, other) == [("roles.guest", "looser", "New role: guest may write nothing.")]
    assert [effect for _, effect, _ in told(other, POLICY)] == ["stricter"]
    everything = msgspec.structs.replace(POLICY, roles=(Role(name="admin", may=("*",)), APPROVER, RISK))
    assert [effect for _, effect, _ in told(POLICY, everything)] == ["looser"]


def test_who_may_hold_and_what_is_recorded() -> None:
    free = msgspec.structs.replace(POLICY, hold_roles=())
    both = msgspec.structs.replace(POLICY, hold_roles=("approver", "risk"))
    assert [effect for _, effect, _ in told(POLICY, free)] == ["looser"]
    assert [effect for _, effect, _ in told(free, POLICY)] == ["stricter"]
    assert [effect for _, effect, _ in told(POLICY, both)] == ["looser"]
    silent = msgspec.structs.replace(POLICY, record_refusals=())
    assert told(POLICY, silent) == [("record-refusals", "looser", "A refused attempt at deployment.changed is recorded no longer.")]


def test_who_must_be_enrolled_first() -> None:
    assert list(policy_text.needed_first(POLICY, ["admin"])) == ["for production: 2 as approver and 1 as risk"]
    whole = msgspec.structs.replace(
        POLICY,
        roles=(ADMIN, APPROVER, Role(name="maker", may=("deployment.changed", "evaluation.completed", "model.registered")), RISK),
    )
    assert list(policy_text.needed_first(whole, ["admin"])) == [
        "for production: 2 as approver, 1 as risk and 1 as maker",
        "for staging: 1 as maker",
    ]
    assert list(policy_text.needed_first(whole, ["maker"])) == ["for production: 2 as approver and 1 as risk"]


def test_a_policy_in_force_is_written_even_where_a_file_could_not_say_it() -> None:
    stuck = Policy(roles=(APPROVER,))
    text = policy_text.format(stuck)
    assert "approver" in text
    with pytest.raises(InvalidInput, match=r"policy\.amended"):
        policy_text.parse(text)


def test_names_that_need_quotes() -> None:
    odd = msgspec.structs.replace(
        POLICY,
        roles=(ADMIN, APPROVER, RISK, Role(name="v1.2", may=("approval.decided",))),
        environments=(Environment(name="eu.production", approvals=(Approvals(role="v1.2", count=1),)),),
    )
    text = policy_text.format(odd)
    assert '[environments."eu.production"]' in text
    assert policy_text.parse(text) == odd


def test_the_order_in_a_file_is_free() -> None:
    text = policy_text.format(POLICY)
    swapped = text.replace('["deployer", "trainer"]', '["trainer", "deployer"]').replace(
        "{ approver = 2, risk = 1 }", "{ risk = 1, approver = 2 }"
    )
    assert swapped != text
    assert policy_text.parse(swapped) == POLICY


def test_a_threshold_without_spaces() -> None:
    text = policy_text.format(POLICY).replace("auc >= 0.90 on", "auc>=0.90 on")
    assert policy_text.parse(text) == POLICY
    assert policy_text.parse(text.replace("auc>=", "auc ge ")) == POLICY


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f'[roles]\na = ["*"]\n[environments.p]\nevaluations = ["{"a" * 200_000}"]\n', 4, "is no threshold"),
        ("a" + ".a" * 100_000 + " = 1\n", 1, "dots stand on one line"),
        ('[roles]\na = ["*"]\n[' + "a" + ".a" * 100_000 + "]\n", 3, "dots stand on one line"),
    ],
)
def test_what_is_far_too_long_is_told_at_once(text: str, line: int, what: str) -> None:
    # Of this process alone: what else the machine does is not counted.
    began = time.process_time()
    with pytest.raises(InvalidInput, match=what) as caught:
        policy_text.parse(text)
    assert caught.value.details["line"] == line
    assert time.process_time() - began < 2


def test_the_example_of_the_manual_is_right() -> None:
    manual = (Path(__file__).parents[4] / "docs" / "policy.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", manual, re.DOTALL)
    file = policy_text.parse_file(example)
    assert file.founder == ("admin",)
    assert file.policy.environments[0].max_approval_age_days == 30
    for key in ("founder", "amendment", "hold-roles", "record-refusals", "approvals", "separation", "evaluations", "data"):
        assert f"| `{key}` |" in manual
