"""The life of one model as a ledger: every event of the vocabulary, in the order in which such things happen.

book, scribe = tell()
scribe.index("deployed")        # the entry of the event that was written under this label
"""

from __future__ import annotations

from muniment.core.rules import events
from published import cast, council, sequel
from published.book import Book
from published.cast import Json, digest
from published.scribe import CLEAN, DATA, LOANS, LOANS_2, PLACE, V1, V2, Scribe, found, list_events


def tell() -> tuple[Book, Scribe]:
    """The whole life."""
    scribe = Scribe(found())
    parts = (_gather_data, _train, _evaluate, _decide, _deploy, _repair, *sequel.PARTS, *council.PARTS)
    for part in parts:
        part(scribe)
    # After a later protocol nothing could be told, and members have a ledger of their own (consortium.json).
    assert {each.event_name for each in list_events(scribe.book)} == set(events.TYPES) - {"member.changed", "protocol.upgraded"}
    return scribe.book, scribe


def _gather_data(scribe: Scribe) -> None:
    scribe.write(
        "loans",
        "dataset.registered",
        name="loans",
        data=LOANS,
        bytes=DATA.total_bytes,
        files=2,
        rows=5_000,
        format="csv",
        schemaDigest=digest("columns of loans"),
        collectionProcess="export",
        origin=scribe.seal_text("exported by the credit department, table LN_07"),
        licence="CC-BY-4.0",
        purposes=["credit-scoring", "research"],
        sourceCategory="private-other",
        personalData="pseudonymised",
        snapshot={"system": "warehouse", "table": "credit/loans", "version": "8812"},
        grade="observed",
        controls=["eu-ai-act:10(2)(b)", "iso42001:A.7.5"],
        retentionClass="ten-years",
    )
    clean = {"name": "loans-clean", "data": CLEAN, "bytes": 40_000, "files": 1}
    scribe.write("clean", "dataset.registered", **clean, licence="CC-BY-4.0", purposes=["credit-scoring"])
    scribe.end_block()
    scribe.write("loans@2", "dataset.registered", name="loans", data=LOANS_2, bytes=50_000, files=2, licence="CC-BY-4.0")
    scribe.write(
        "cleaned",
        "dataset.transformed",
        operation="clean",
        inputs=[LOANS],
        outputs=[CLEAN],
        codeDigest=digest("clean.py"),
        parameters=[
            {"key": "drop duplicates", "value": True},
            {"key": "note", "value": scribe.seal_text("rows without an income are dropped")},
            {"key": "seed", "value": 7},
            {"key": "share.kept", "value": "-0.5e-3"},
        ],
    )
    scribe.end_block()


def _train(scribe: Scribe) -> None:
    scribe.write(
        "run",
        "training.started",
        model="credit-risk",
        entryPoint="train/main.py",
        gitCommit=digest("commit")[:40],
        dirtyDigest=digest("diff"),
        containerDigest=digest("container"),
        environmentDigest=digest("packages"),
        parameters=[{"key": "learning_rate", "value": "0.1"}, {"key": "max_depth", "value": 6}],
        seed=-1,
        inputs=[{"data": CLEAN, "role": "training"}, {"data": LOANS_2, "role": "test"}],
        hardwareClass="cpu/generic",
        cites=[{"relation": "used", "data": LOANS}, {"relation": "used", "blob": digest("paper")}],
    )
    scribe.write("run, unnamed", "training.started")
    scribe.write(
        "plan, slices",
        "evaluation.planned",
        model="credit-risk",
        metric="auc",
        comparator="ge",
        threshold="0.900",
        data=LOANS_2,
        datasetRole="test",
        slices=[[{"key": "age", "value": "under-30"}], [{"key": "region", "value": "north"}]],
        harness={"name": "scikit-learn", "version": "1.6.1", "digest": digest("harness")},
    )
    scribe.end_block()
    scribe.write(
        "finished",
        "training.finished",
        actor="node",
        onBehalfOf=["bob"],
        run=scribe.id("run"),
        status="finished",
        outputs=[{"name": "model", "digest": V1}],
        metrics=[
            {"metric": "auc", "value": "0.913"},
            {"metric": "auc", "value": "0.88", "slice": [{"key": "age", "value": "under-30"}]},
            {"metric": "loss", "value": "1e-07"},
        ],
        metricLogDigest=digest("metrics"),
        durationSeconds="12.5",
        computeFlop="3e12",
        energyKwh="0.002",
    )
    scribe.write(
        "v1",
        "model.registered",
        model="credit-risk",
        version=V1,
        omsDigest=digest("openssf"),
        format="safetensors",
        parameterCount=1_204,
        architecture="gradient-boosting",
        precision="float64",
        derivation="trained",
        run=scribe.id("run"),
        licence="Apache-2.0",
        source={"system": "mlflow", "recordId": "experiments/1", "digest": digest("mlflow")},
        grade="imported",
    )
    scribe.write(
        "v2",
        "model.registered",
        model="credit-risk",
        version=V2,
        derivation="finetuned",
        parents=[V1],
        run=scribe.id("run, unnamed"),
    )
    scribe.end_block()


def _evaluate(scribe: Scribe) -> None:
    scribe.write(
        "evaluated",
        "evaluation.completed",
        actor="node",
        version=V1,
        plan=scribe.id("plan, slices"),
        results=[
            {"metric": "accuracy", "value": "0.8"},
            {"metric": "auc", "value": "0.907"},
            {"metric": "auc", "value": "9.0e-1", "slice": [{"key": "age", "value": "under-30"}]},
            {"metric": "auc", "value": "0.91", "slice": [{"key": "region", "value": "north"}]},
        ],
        data=LOANS_2,
        datasetRole="test",
        harness={"name": "scikit-learn"},
        evaluatorKind="automated",
    )
    tested: Json = {"version": V2, "data": LOANS_2, "datasetRole": "test"}
    failed = [{"metric": "auc", "value": "NaN"}]
    scribe.write("failed", "evaluation.completed", **tested, plan=scribe.id("plan, slices"), results=failed)
    scribe.write("evaluated again", "evaluation.completed", actor="node", **tested, results=[{"metric": "auc", "value": "0.9"}])
    scribe.write("without a plan", "evaluation.completed", version=V2, results=[{"metric": "loss", "value": "-Infinity"}])
    scribe.end_block()


def _decide(scribe: Scribe) -> None:
    of = {"version": V1, "environment": "production"}
    scribe.write(
        "approved",
        "approval.decided",
        actor="bob",
        of=of,
        decision="approve",
        meaning="approval",
        reason=scribe.seal_text("the second review found nothing"),
        expiresAt="2027-03-02T00:00:00.000000Z",
    )
    scribe.write(
        "conditional",
        "approval.decided",
        of=of,
        decision="conditional",
        meaning="review",
        conditions=scribe.seal_text("only below 10,000 EUR"),
    )
    scribe.write(
        "rejected",
        "approval.decided",
        actor="bob",
        of={"version": V2, "environment": "production"},
        decision="reject",
        meaning="responsibility",
    )
    scribe.write(
        "waived",
        "waiver.granted",
        actor="bob",
        rule="separation",
        version=V1,
        environment="production",
        expiresAt="2026-04-01T00:00:00.000000Z",
        measures=scribe.seal_text("a second person watches"),
    )
    scribe.end_block()


def _deploy(scribe: Scribe) -> None:
    scribe.write(
        "deployed",
        "deployment.changed",
        **PLACE,
        transition="start",
        version=V1,
        servingConfigDigest=digest("serving"),
        trafficShare="0.25",
        region="eu-central-1",
        approvals=[scribe.id("approved")],
        evaluations=[scribe.id("evaluated")],
        waivers=[scribe.id("waived")],
    )
    scribe.end_block()
    scribe.write(
        "threshold",
        "parameter.changed",
        of={"version": V1},
        target="threshold",
        path="score.minimum",
        new="0.55",
        unit="probability",
        ticket="CHG-1",
    )
    prompt = "You explain credit decisions."
    text = {**scribe.seal_text(prompt), "digest": digest(prompt)}
    scribe.write("prompt", "parameter.changed", of=PLACE, target="prompt", path="system", new=text)
    scribe.write("set", "parameter.changed", of=PLACE, target="feature", path="beta", new=True)
    scribe.write("unset", "parameter.changed", of=PLACE, target="feature", path="beta", old=True)
    depth = {"target": "hyperparameter", "path": "max_depth", "old": 6, "new": 8}
    scribe.write("as the run had it", "parameter.changed", of={"version": V1}, **depth)
    scribe.end_block()
    scribe.write(
        "revoked",
        "approval.decided",
        actor="bob",
        of={"version": V2, "environment": "production"},
        decision="revoke",
        revokes=scribe.id("rejected"),
        meaning="approval",
    )
    about_v2 = {"version": V2, "environment": "production"}
    scribe.write("approved again", "approval.decided", actor="bob", of=about_v2, decision="approve", meaning="approval")
    scribe.write(
        "promoted",
        "deployment.changed",
        **PLACE,
        transition="promote",
        version=V2,
        replaces=V1,
        approvals=[scribe.id("approved again")],
        evaluations=[scribe.id("evaluated again")],
    )
    scribe.end_block()
    scribe.write("scaled", "deployment.changed", **PLACE, transition="scale", version=V2, trafficShare="1")
    scribe.write(
        "observed", "deployment.observed", actor="node", **PLACE, seen=V2, means="file-hash", matches=True, grade="observed"
    )
    scribe.end_block()


def _repair(scribe: Scribe) -> None:
    scribe.write(
        "incident",
        "incident.recorded",
        actor="bob",
        severity="high",
        awareAt=cast.moment(9),
        version=V2,
        hold=True,
        impact=scribe.seal_text("41 applicants were refused wrongly"),
    )
    scribe.write("minor", "incident.recorded", severity="low", awareAt=cast.moment(9), version=V2, hold=False)
    scribe.end_block()
    scribe.write(
        "rolled back",
        "deployment.changed",
        **PLACE,
        transition="rollback",
        version=V1,
        replaces=V2,
    )
    scribe.write(
        "closed",
        "incident.closed",
        actor="bob",
        incident=scribe.id("incident"),
        version=V2,
        outcome=scribe.seal_text("a unit was wrong"),
    )
    scribe.end_block()
