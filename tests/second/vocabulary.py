"""The streams and the subject of each event (docs/spec 12.1)."""

from __future__ import annotations

from second.council import address
from second.forms import Json, canonical, sha256

OF_A_VERSION = ("waiver.granted", "incident.recorded", "incident.closed", "evaluation.completed", "deployment.changed")


def own_streams(name: str, e: Json) -> list[str]:
    """Page 12.1, the first one first."""
    about = e.get("about", [])
    place = f"deployment/{e.get('environment')}/{e.get('name')}"

    def several(kind: str, items: list[str]) -> list[str]:
        return [f"{kind}/{item}" for item in items]

    def where(kind: str, given: str) -> list[str]:
        return [f"{kind}/{e[given]}"] if given in e else []

    table: dict[str, list[str]] = {
        "dataset.registered": [f"dataset/{e.get('name')}", f"data/{e.get('data')}"],
        "dataset.transformed": several("data", e.get("outputs", [])) + several("data", e.get("inputs", [])),
        "dataset.withdrawn": where("data", "data"),
        "training.started": [f"run/{e['eventId']}"]
        + [f"data/{each['data']}" for each in e.get("inputs", []) if isinstance(each, dict)]
        + several("version", e.get("baseVersions", [])),
        "training.finished": where("run", "run"),
        "model.registered": where("version", "version")
        + where("model", "model")
        + several("version", e.get("parents", []))
        + several("data", e["data"] if isinstance(e.get("data"), list) else [])
        + where("run", "run"),
        "model.retired": where("version", "version") + where("model", "model"),
        "evaluation.planned": [f"plan/{e['eventId']}", *where("model", "model")],
        "evaluation.completed": [f"evaluation/{e['eventId']}", *where("version", "version"), *where("data", "data")],
        "approval.decided": [f"approval/{e.get('revokes', e['eventId'])}"],
        "waiver.granted": [f"waiver/{e['eventId']}", *where("version", "version")],
        "deployment.changed": [place, *where("version", "version"), *where("version", "replaces")],
        "deployment.observed": [place],
        "incident.recorded": [f"incident/{e['eventId']}", *where("version", "version")],
        "incident.closed": where("incident", "incident") + where("version", "version"),
        "ownership.offered": where("model", "model"),
        "ownership.accepted": where("model", "model"),
        "record.amended": [*where("amendment", "target"), *about],
        "actor.enrolled": where("actor", "of") + [f"key/{each['key']}" for each in e.get("keys", [])],
        "key.changed": where("key", "key") + where("actor", "of") + where("key", "replaces"),
        "policy.amended": ["policy"],
        "member.changed": ["members", *where("member", "member"), *where("cosigner", "cosignerKey")],
        "protocol.upgraded": ["protocol"],
        "attempt.refused": where("attempts", "of"),
        "disclosure.made": [],
        "ledger.linked": where("link", "linked"),
        "system.registered": [f"system/{e.get('name')}", *about],
    }
    if name == "approval.decided" and "version" in e["of"]:
        return [*table[name], f"version/{e['of']['version']}"]
    if name == "member.changed" and "validatorKey" in e:
        return [*table[name], f"validator/{address(e['validatorKey'])}"]
    if name == "parameter.changed":
        owner = owner_of(e)
        return [owner, parameter_of(owner, e)]
    return table.get(name, list(about))


def owner_of(e: Json) -> str:
    of = e["of"]
    return f"version/{of['version']}" if "version" in of else f"deployment/{of['environment']}/{of['name']}"


def parameter_of(owner: str, e: Json) -> str:
    return f"parameter/{owner}/{sha256((e['target'] + '/' + e['path']).encode()).hex()}"


def subjects(name: str, e: Json) -> list[Json]:
    """Page 12.1, the last column."""
    own = own_streams(name, e)
    of = e.get("of")
    found: list[tuple[str, str]] = []
    if name in ("dataset.registered", "model.registered", "model.retired"):
        found = [(e.get("model", e.get("name", "")), e.get("version", e.get("data", "")))]
    elif name == "dataset.transformed":
        found = [(f"data/{each}", each) for each in e["outputs"]]
    elif name == "dataset.withdrawn":
        found = [(f"data/{e['data']}", e["data"])]
    elif name == "training.finished":
        found = [(each["name"], each["digest"]) for each in e.get("outputs", [])]
    elif name in ("approval.decided", "parameter.changed") and isinstance(of, dict) and "version" in of:
        found = [(f"version/{of['version']}", of["version"])]
    elif name == "approval.decided" and "policy" in e["of"]:
        found = [("policy", e["of"]["policy"])]
    elif (name.split(".")[0] in ("waiver", "incident") and name not in ("incident.notified",)) or name in (
        "evaluation.completed",
        "deployment.changed",
    ):
        found = [(f"version/{e['version']}", e["version"])]
    elif name == "deployment.observed":
        found = [(own[0], e["seen"])]
    elif name == "ownership.offered" and "packageDigest" in e:
        found = [(e["model"], e["packageDigest"])]
    elif name == "policy.amended":
        found = [("policy", sha256(canonical(e["policy"])).hex())]
    elif name == "attempt.refused":
        found = [(own[0], e["payloadDigest"])]
    elif name == "disclosure.made":
        found = [(f"acts/{e['actor']}", e["exportDigest"])]
    elif name == "ledger.linked":
        found = [(e["origin"], e["linked"])]
    elif name == "document.published":
        found = [(e["documentType"], e["digest"])]
    elif name == "change.classified":
        found = [(f"version/{e['to']}", e["to"])]
    elif name != "record.amended":
        found = [(each, each.split("/")[1]) for each in e.get("about", []) if each.startswith(("data/", "version/"))]
    listed = found or [(own[0], sha256(own[0].encode()).hex())]
    return [{"digest": {"sha256": digest}, "name": title} for title, digest in listed]
