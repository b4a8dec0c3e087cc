"""The second half of the story: keys and models change hands, records are amended, the rules change, reports come in."""

from __future__ import annotations

import msgspec

from muniment.core.rules import events, policy
from published import cast
from published.cast import digest
from published.scribe import LOANS, LOANS_2, PLACE, V1, V2, Scribe, list_events, prove, public, rules


def _change_people(scribe: Scribe) -> None:
    key = {"key": public("carol"), "proof": prove("carol", "carol")}
    scribe.write("carol", "actor.enrolled", of="carol", kind="person", organisation="acme", roles=["owner"], keys=[key])
    scribe.end_block()
    scribe.write(
        "carol's second key",
        "key.changed",
        of="carol",
        change="add",
        key=public("carol2"),
        proof=prove("carol2", "carol"),
        expiresAt=cast.moment(20),
        claimsDigest=digest("certificate"),
    )
    scribe.write(
        "bob's new key",
        "key.changed",
        of="bob",
        change="rotate",
        key=public("bob2"),
        replaces=public("bob"),
        proof=prove("bob2", "bob"),
    )
    scribe.write("stolen", "key.changed", of="carol", change="compromise", key=public("carol"), fromIndex=scribe.index("carol") + 1)
    scribe.write(
        "from another desk",
        "note.added",
        actor="carol",
        by="carol2",
        about=["actor/carol"],
        text=scribe.seal_text("my first key was stolen"),
    )
    scribe.end_block()
    scribe.write("carol again", "actor.enrolled", of="carol", kind="person", organisation="acme", roles=["owner", "reader"])
    scribe.write("revoked key", "key.changed", of="carol", change="revoke", key=public("carol2"))
    key = {"key": public("dave"), "proof": prove("dave", "dave")}
    scribe.write("dave", "actor.enrolled", of="dave", kind="service", responsible=["carol"], roles=["owner"], keys=[key])
    scribe.end_block()


def _hand_over(scribe: Scribe) -> None:
    scribe.write("offered", "ownership.offered", model="credit-risk", **{"from": "ada"}, to="dave", packageDigest=digest("package"))
    scribe.end_block()
    scribe.write("accepted", "ownership.accepted", actor="dave", model="credit-risk", offer=scribe.id("offered"))
    scribe.write("withdrawn", "dataset.withdrawn", data=LOANS_2, cause="consent", remedy=scribe.seal_text("train without it"))
    scribe.write(
        "retired", "model.retired", model="credit-risk", version=V2, cause="defect", replacement=V1, lastServedAt=cast.moment(10)
    )
    scribe.end_block()


def _amend(scribe: Scribe) -> None:
    target = list_events(scribe.book)[0].event
    for kind in ("correct", "preserve"):
        scribe.write(
            kind,
            "record.amended",
            target=target.event_id,
            about=list(events.streams(target)),
            kind=kind,
            legalBasis="gdpr:17(1)(b)",
        )
    scribe.end_block()
    for kind in ("unpreserve", "redact"):
        scribe.write(kind, "record.amended", target=target.event_id, about=list(events.streams(target)), kind=kind)
    scribe.write(
        "disclosed",
        "disclosure.made",
        exportDigest=digest("export"),
        events=[target.event_id],
        recipient=scribe.seal_text("the supervisory authority"),
    )
    scribe.write(
        "linked", "ledger.linked", linked=digest("another ledger"), origin="example.net/other", trustDigest=digest("trust")
    )
    scribe.write(
        "attempted",
        "attempt.refused",
        actor="node",
        of="bob",
        attempted="deployment.changed",
        payloadDigest=digest("refused"),
        rules=["role"],
    )
    scribe.end_block()


def _govern(scribe: Scribe) -> None:
    second = rules("second")
    scribe.write(
        "policy approved",
        "approval.decided",
        actor="bob",
        by="bob2",
        of={"policy": policy.identify(second)},
        decision="approve",
        meaning="approval",
    )
    scribe.write("protocol approved", "approval.decided", of={"protocol": 2}, decision="approve", meaning="authorship")
    scribe.end_block()
    scribe.write("amended", "policy.amended", policy=msgspec.to_builtins(second), approvals=[scribe.id("policy approved")])
    scribe.end_block()
    scribe.write("the approver's note", "note.added", actor="bob", by="bob2", about=["policy"], text=scribe.seal_text("agreed"))
    scribe.end_block()


def _assess(scribe: Scribe) -> None:
    scribe.write(
        "system",
        "system.registered",
        name="scoring/retail",
        about=[f"version/{V1}"],
        operatorRole="provider",
        intendedPurpose=scribe.seal_text("scores applications for loans"),
        riskCategory="high",
        annexPoint="eu-ai-act:annex-iii.5(b)",
        materiality="high",
        transparency=["interaction"],
        euDatabaseId="EU-1",
        foundationModels=[{"name": "base/encoder", "version": "2", "digest": digest("base"), "accessMode": "open-weights"}],
    )
    scribe.end_block()
    about = ["system/scoring/retail", f"version/{V1}"]
    scribe.write(
        "risk",
        "risk.assessed",
        about=about,
        kind="fria",
        residualRisk="low",
        safetyRiskAssessment="medium",
        hazards=scribe.seal_text("unequal treatment"),
        reportDigest=digest("report"),
    )
    scribe.write(
        "quality",
        "dataset.assessed",
        about=[f"data/{LOANS}"],
        kind="bias",
        reviewer="bob",
        assertions=[{"name": "not-null", "column": "income", "success": True}, {"name": "unique", "success": False}],
        specialCategoryBasis="eu-ai-act:10(5)",
    )
    scribe.write(
        "document",
        "document.published",
        about=about,
        documentType="annex-iv",
        mediaType="application/pdf",
        digest=digest("technical documentation"),
        version="1",
        sections=["2(g)"],
        language="en-GB",
    )
    scribe.write(
        "change",
        "change.classified",
        about=about,
        **{"from": V1},
        to=V2,
        changeType="weights",
        substantial=False,
        withinPredeterminedPlan=True,
        planDigest=digest("plan"),
        modificationId="M-1",
    )
    scribe.write(
        "conformity",
        "conformity.recorded",
        about=["system/scoring/retail"],
        procedure="annex-vi",
        notifiedBody="0123",
        certificateId="C-1",
        expiresAt="2031-01-01T00:00:00.000000Z",
        standards=["iso-iec:42001"],
        declarationDigest=digest("declaration"),
    )
    scribe.end_block()


def _run(scribe: Scribe) -> None:
    deployment, period = "deployment/production/credit-risk", {"periodStartAt": cast.moment(-60), "periodEndAt": cast.moment(0)}
    scribe.write(
        "log",
        "operation.logged",
        actor="node",
        about=[deployment],
        **period,
        logRoot=digest("log"),
        logCount=1_000_000,
        logSchema="calls/v2",
        storage=scribe.seal_text("s3, bucket 7"),
        samplingRate="0.1",
        riskFlags=["drift"],
    )
    scribe.write(
        "intervention",
        "oversight.intervened",
        about=[deployment],
        action="override",
        operator="bob",
        automationBiasCheck=True,
        output=scribe.seal_text("refuse"),
    )
    scribe.write(
        "monitoring",
        "monitoring.reported",
        about=[deployment],
        kind="post-market",
        **period,
        complaints=0,
        metrics=[{"metric": "auc", "value": "0.9"}],
        drift={"method": "psi", "statistic": "0.02", "threshold": "0.1"},
    )
    scribe.write(
        "notified",
        "incident.notified",
        about=[f"version/{V2}"],
        incident=scribe.id("incident"),
        regime="aia73",
        authority="BNetzA",
        memberState="DE",
        deadlineAt=cast.moment(9_000),
        sentAt=cast.moment(30),
        complete=False,
    )
    scribe.write(
        "correction",
        "corrective_action.taken",
        about=[f"version/{V2}"],
        incident=scribe.id("incident"),
        action="fix",
        effectiveness="pending",
        notified=["authority", "users"],
        finding=scribe.id("observed"),
    )
    scribe.write("note", "note.added", about=[deployment, f"version/{V1}"], text=scribe.seal_text("nothing else this week"))
    scribe.end_block()
    scribe.write("stopped", "deployment.changed", **PLACE, transition="stop", version=V1)
    scribe.end_block()
    met = {"approvals": [scribe.id("approved")], "evaluations": [scribe.id("evaluated")]}
    scribe.write("started again", "deployment.changed", **PLACE, transition="start", version=V1, **met)
    scribe.end_block()


PARTS = (_change_people, _hand_over, _amend, _govern, _assess, _run)
"""In the order in which they happen."""
