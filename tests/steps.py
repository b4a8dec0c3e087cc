"""The steps of one life, with what is refused on the way, each in three ways (`threefold`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from muniment.client import key_request
from muniment.core.rules import policy as policies
from threefold import ADMITTED, POLICY, REPEATED, Step, Verdict, refused

UNTIL = "2026-06-02T00:00:00.000000Z"
PLACE = "production"


def admit(actor: str) -> Step:
    return Step(
        f"admit-{actor}",
        "ada",
        lambda ledger, seen: ledger.keys.admit(seen.request(actor), roles=["approver"], reason="They decide."),
        lambda seen: ["keys", "admit", key_request.format(seen.request(actor)), "--role", "approver", "--reason", "They decide."],
        "actor.enrolled",
        lambda seen: {
            "of": actor,
            "kind": "person",
            "roles": ["approver"],
            "keys": [{"key": seen.request(actor).key, "proof": seen.request(actor).proof}],
            "reason": "They decide.",
        },
        ADMITTED,
    )


def register_data(step: str, name: str, verdict: Verdict = ADMITTED) -> Step:
    return Step(
        step,
        "ada",
        lambda ledger, seen: ledger.dataset(
            name, seen.home.parent / "loans.csv", licence="CC-BY-4.0", purposes=["credit-scoring"], origin="The branch in Leeds."
        ),
        lambda seen: [
            *("dataset", name, str(seen.home.parent / "loans.csv"), "--licence", "CC-BY-4.0"),
            *("--purpose", "credit-scoring", "--origin", "The branch in Leeds."),
        ],
        "dataset.registered",
        lambda seen: {
            "name": name,
            "data": seen.digest("loans.csv"),
            "bytes": seen.file("loans.csv").manifest.total_bytes,
            "files": 1,
            "format": "csv",
            "licence": "CC-BY-4.0",
            "purposes": ["credit-scoring"],
            "origin": "The branch in Leeds.",
        },
        verdict,
    )


def register(number: int) -> Step:
    return Step(
        f"register-{number}",
        "ada",
        lambda ledger, seen: ledger.register(
            "credit-risk", seen.home.parent / f"model-{number}.bin", derivation="trained", data=["loans@1"], reason="A first try."
        ),
        lambda seen: [
            *("register", "credit-risk", str(seen.home.parent / f"model-{number}.bin"), "--derivation", "trained"),
            *("--data", "loans@1", "--reason", "A first try."),
        ],
        "model.registered",
        lambda seen: {
            "model": "credit-risk",
            "version": seen.digest(f"model-{number}.bin"),
            "omsDigest": seen.file(f"model-{number}.bin").oms_digest,
            "format": "bin",
            "derivation": "trained",
            "data": [seen.digest("loans.csv")],
            "grade": "declared",
            "reason": "A first try.",
        },
        ADMITTED,
    )


def measure(number: int, auc: float) -> Step:
    return Step(
        f"measure-{number}",
        "ada",
        lambda ledger, seen: ledger.evaluate(
            f"credit-risk@{number}", {"auc": auc}, dataset="loans@1", role="test", plan=seen.ids["plan"]
        ),
        lambda seen: ["evaluate", f"credit-risk@{number}", "--metric", f"auc={auc}", "--data", "loans@1", "--role", "test"],
        "evaluation.completed",
        lambda seen: {
            "version": seen.digest(f"model-{number}.bin"),
            "plan": seen.ids["plan"],
            "results": [{"metric": "auc", "value": str(auc)}],
            "data": seen.digest("loans.csv"),
            "datasetRole": "test",
        },
        ADMITTED,
    )


def approve(actor: str, number: int, verdict: Verdict = ADMITTED, *, reject: bool = False) -> Step:
    return Step(
        f"{'reject' if reject else 'approve'}-{number}-{actor}",
        actor,
        lambda ledger, seen: ledger.approve(
            f"credit-risk@{number}", PLACE, decision="reject" if reject else "approve", reason="I looked at it."
        ),
        lambda seen: [
            *("approve", f"credit-risk@{number}", PLACE, "--reason", "I looked at it."),
            *(["--reject"] if reject else []),
        ],
        "approval.decided",
        lambda seen: {
            "of": {"version": seen.digest(f"model-{number}.bin"), "environment": PLACE},
            "decision": "reject" if reject else "approve",
            "meaning": "approval",
            "reason": "I looked at it.",
        },
        verdict,
    )


def deploy(
    step: str,
    number: int,
    cites: Mapping[str, Sequence[str]],
    verdict: Verdict = ADMITTED,
    *,
    name: str = "credit-risk",
    replaces: int | None = None,
) -> Step:
    """`cites` names, for each field, the steps whose events the SDK finds by itself."""
    return Step(
        step,
        "ada",
        lambda ledger, _: ledger.deploy(f"credit-risk@{number}", PLACE, name=name),
        lambda _: ["deploy", f"credit-risk@{number}", PLACE, "--name", name],
        "deployment.changed",
        lambda seen: {
            "transition": "start" if replaces is None else "promote",
            "environment": PLACE,
            "name": name,
            "version": seen.digest(f"model-{number}.bin"),
            "replaces": None if replaces is None else seen.digest(f"model-{replaces}.bin"),
            **{field: [seen.ids[each] for each in steps] for field, steps in cites.items()},
        },
        verdict,
    )


PLAN = Step(
    "plan",
    "ada",
    lambda ledger, _: ledger.plan("credit-risk", "auc", "ge", 0.8, dataset="loans@1"),
    lambda _: ["plan", "credit-risk", "auc", ">=", "0.8", "--data", "loans@1"],
    "evaluation.planned",
    lambda seen: {
        "model": "credit-risk",
        "metric": "auc",
        "comparator": "ge",
        "threshold": "0.8",
        "data": seen.digest("loans.csv"),
    },
    ADMITTED,
)


def hold(actor: str, verdict: Verdict = ADMITTED) -> Step:
    return Step(
        f"hold-{actor}",
        actor,
        lambda ledger, _: ledger.hold("credit-risk@1", severity="high", impact="It rejects the old."),
        lambda _: ["hold", "credit-risk@1", "--severity", "high", "--impact", "It rejects the old."],
        "incident.recorded",
        lambda seen: {
            "version": seen.digest("model-1.bin"),
            "severity": "high",
            "hold": True,
            "impact": "It rejects the old.",
            "awareAt": seen.now(),
        },
        verdict,
    )


RELEASE = Step(
    "release",
    "ben",
    lambda ledger, _: ledger.release("credit-risk@1", outcome="It does not."),
    lambda _: ["hold", "--release", "credit-risk@1", "--outcome", "It does not."],
    "incident.closed",
    lambda seen: {"incident": seen.ids["hold-ben"], "version": seen.digest("model-1.bin"), "outcome": "It does not."},
    ADMITTED,
)
NOTE = Step(
    "note",
    "ben",
    lambda ledger, _: ledger.note("credit-risk@1", "Looked at again."),
    lambda _: ["note", "credit-risk@1", "Looked at again."],
    "note.added",
    lambda seen: {"about": [f"version/{seen.digest('model-1.bin')}"], "text": "Looked at again."},
    ADMITTED,
)
WAIVE = Step(
    "waive",
    "ben",
    lambda ledger, _: ledger.waive("evaluations", "credit-risk@2", PLACE, until=UNTIL, measures="Two people watch it."),
    lambda _: ["waive", "evaluations", "credit-risk@2", PLACE, "--until", UNTIL, "--measures", "Two people watch it."],
    "waiver.granted",
    lambda seen: {
        "rule": "evaluations",
        "version": seen.digest("model-2.bin"),
        "environment": PLACE,
        "expiresAt": UNTIL,
        "measures": "Two people watch it.",
    },
    ADMITTED,
)
REVOKE = Step(
    "revoke",
    "cleo",
    lambda ledger, seen: ledger.revoke(seen.ids["reject-2-cleo"]),
    lambda seen: ["approve", "--revoke", seen.ids["reject-2-cleo"]],
    "approval.decided",
    lambda seen: {
        "of": {"version": seen.digest("model-2.bin"), "environment": PLACE},
        "decision": "revoke",
        "revokes": seen.ids["reject-2-cleo"],
        "meaning": "approval",
    },
    ADMITTED,
)


def roll_back(step: str, cites: Mapping[str, Sequence[str]], verdict: Verdict = ADMITTED, *, to: int, replaces: int) -> Step:
    return Step(
        step,
        "ada",
        lambda ledger, _: ledger.rollback(f"{PLACE}/credit-risk", to=f"credit-risk@{to}"),
        lambda _: ["rollback", f"{PLACE}/credit-risk", "--to", f"credit-risk@{to}"],
        "deployment.changed",
        lambda seen: {
            "transition": "rollback",
            "environment": PLACE,
            "name": "credit-risk",
            "version": seen.digest(f"model-{to}.bin"),
            "replaces": seen.digest(f"model-{replaces}.bin"),
            **{field: [seen.ids[each] for each in steps] for field, steps in cites.items()},
        },
        verdict,
    )


COMPROMISE = Step(
    "compromise",
    "ada",
    lambda ledger, seen: ledger.keys.compromise(seen.request("cleo").key, seen.entries["approve-1-cleo"]),
    lambda seen: ["keys", "compromise", seen.request("cleo").key, "--from", str(seen.entries["approve-1-cleo"])],
    "key.changed",
    lambda seen: {
        "of": "cleo",
        "change": "compromise",
        "key": seen.request("cleo").key,
        "fromIndex": seen.entries["approve-1-cleo"],
    },
    ADMITTED,
)
WITHDRAW = Step(
    "withdraw",
    "ben",
    lambda ledger, _: ledger.withdraw("loans@1", cause="consent", remedy="Train without it."),
    lambda _: ["withdraw", "loans@1", "--cause", "consent", "--remedy", "Train without it."],
    "dataset.withdrawn",
    lambda seen: {"data": seen.digest("loans.csv"), "cause": "consent", "remedy": "Train without it."},
    ADMITTED,
)


def retire(number: int, verdict: Verdict = ADMITTED) -> Step:
    return Step(
        f"retire-{number}",
        "ben",
        lambda ledger, _: ledger.retire(f"credit-risk@{number}", cause="superseded"),
        lambda _: ["retire", f"credit-risk@{number}", "--cause", "superseded"],
        "model.retired",
        lambda seen: {"model": "credit-risk", "version": seen.digest(f"model-{number}.bin"), "cause": "superseded"},
        verdict,
    )


ASSIGN = Step(
    "assign",
    "ada",
    lambda ledger, _: ledger.keys.assign("ada", roles=["admin", "approver", "deployer", "trainer"]),
    lambda _: ["keys", "roles", "ada", *[f"--role={role}" for role in ("admin", "approver", "deployer", "trainer")]],
    "actor.enrolled",
    lambda _: {"of": "ada", "kind": "person", "roles": ["admin", "approver", "deployer", "trainer"]},
    ADMITTED,
)


def approve_policy(actor: str) -> Step:
    return Step(
        f"policy-{actor}",
        actor,
        lambda ledger, seen: ledger.policies.approve(seen.policy(), reason="It should be better."),
        lambda seen: ["policy", "approve", str(seen.home.parent / POLICY), "--reason", "It should be better."],
        "approval.decided",
        lambda seen: {
            "of": {"policy": policies.identify(seen.policy())},
            "decision": "approve",
            "meaning": "approval",
            "reason": "It should be better.",
        },
        ADMITTED,
    )


def amend(step: str, approvals: Sequence[str], verdict: Verdict = ADMITTED) -> Step:
    return Step(
        step,
        "ada",
        lambda ledger, seen: ledger.policies.amend(seen.policy()),
        lambda seen: ["policy", "amend", str(seen.home.parent / POLICY)],
        "policy.amended",
        lambda seen: {"policy": msgspec.to_builtins(seen.policy()), "approvals": [seen.ids[each] for each in approvals]},
        verdict,
    )


ONE = {"approvals": ["approve-1-ben"], "evaluations": ["measure-1"]}
BOTH = {"approvals": ["approve-1-ben", "approve-1-cleo"], "evaluations": ["measure-1"]}
SECOND = {"approvals": ["approve-2-ben", "approve-2-cleo"], "evaluations": ["measure-2"], "waivers": ["waive"]}
STEPS = (
    admit("ben"),
    admit("cleo"),
    register_data("data", "loans"),
    register_data("data-again", "loans", REPEATED),
    register_data("data-renamed", "credits", refused("once")),
    PLAN,
    register(1),
    measure(1, 0.9),
    approve("ada", 1, refused("role")),
    hold("ada", refused("hold-role")),
    ASSIGN,
    approve("ada", 1, refused("separation", "separation")),
    approve("ben", 1),
    deploy("deploy-early", 1, ONE, refused("approvals")),
    approve("cleo", 1),
    deploy("deploy-1", 1, BOTH),
    hold("ben"),
    deploy("deploy-held", 1, BOTH, refused("hold"), name="canary"),
    RELEASE,
    NOTE,
    register(2),
    measure(2, 0.7),
    approve("ben", 2),
    approve("cleo", 2, reject=True),
    WAIVE,
    deploy("deploy-rejected", 2, SECOND | {"approvals": ["approve-2-ben"]}, refused("rejected", "approvals"), replaces=1),
    REVOKE,
    approve("cleo", 2),
    deploy("deploy-2", 2, SECOND, replaces=1),
    retire(2, refused("running")),
    roll_back("roll-back", BOTH, to=1, replaces=2),
    retire(2),
    approve_policy("ben"),
    amend("amend-early", ["policy-ben"], refused("amendment")),
    approve_policy("cleo"),
    amend("amend", ["policy-cleo", "policy-ben"]),
    COMPROMISE,
    deploy("deploy-disputed", 1, BOTH, refused("approvals"), name="canary"),
    WITHDRAW,
    deploy("deploy-withdrawn", 1, BOTH, refused("withdrawn", "approvals"), name="canary"),
)
