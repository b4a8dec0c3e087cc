"""Differences and claims (docs/spec 10.7)."""

from __future__ import annotations

from collections.abc import Iterator

from second.derivation import whose
from second.forms import Json
from second.ground import Ground, Refused, entry, name_of
from second.head import Failed, demand

AREAS = ("registration", "data", "parents", "parameters", "code", "environment", "seed", "metrics", "approvals")
CLAIMS = {"approved": 1, "deployed": 1, "on-hold": 0, "withdrawn": 0}
OPPOSITES = {"not-approved": "approved", "never-deployed": "deployed", "not-on-hold": "on-hold", "not-withdrawn": "withdrawn"}


def diff(q: Json, g: Ground) -> tuple[str, Json]:
    names = [name_of(g, q["a"]), name_of(g, q["b"])]
    states = g.state(q["a"]), g.state(q["b"])
    if states[0] is None or states[1] is None:
        return "absent", {"ask": "diff", "names": names, "recorded": False}
    left, right = ({(a, k): v for a, k, v in facts(g, q[side], state)} for side, state in zip("ab", states, strict=True) if state)
    for side in (left, right):
        for key in [key for key, fact in side.items() if fact is None]:
            del side[key]
    differences = []
    keys = sorted({*left, *right}, key=lambda key: (AREAS.index(key[0]), key[1]))
    for area, key in keys:
        one, other = left.get((area, key)), right.get((area, key))
        if (type(one), one) != (type(other), other):
            sealed = any(isinstance(each, str) and each.startswith("sealed:") for each in (one, other))
            sides = {side: each for side, each in (("a", one), ("b", other)) if each is not None}
            differences.append(sides | {"area": area, "key": key} | ({"sealed": True} if sealed else {}))
    same = len(keys) - len(differences)
    findings = {"ask": "diff", "names": names, "recorded": True} | ({"differences": differences} if differences else {})
    return "complete", findings | ({"same": same} if same else {})


def facts(g: Ground, stream: str, state: Json) -> Iterator[tuple[str, str, object]]:
    """None stands for a fact that there is no more."""
    e = entry(g, state["made"], "model.registered")
    for key in ("architecture", "derivation", "format", "licence", "parameterCount", "precision"):
        if key in e:
            yield "registration", key, e[key]
    yield from (data_fact(g, each, "training") for each in e.get("data", []))
    yield from (("parents", name_of(g, f"version/{each}"), e["derivation"]) for each in e.get("parents", []))
    for _, e in g.events(f"run/{state['run']}") if "run" in state else []:
        if e["_name"] == "training.started":
            yield from facts_of_start(g, e)
        elif e["_name"] == "training.finished":
            yield from (("metrics", f"{m['metric']} in training{sliced(m)}", m["value"]) for m in e.get("metrics", []))
    for _, e in g.events(stream):
        if e["_name"] == "parameter.changed" and whose(e) == stream:
            prefix = "" if e["target"] == "hyperparameter" else f"{e['target']} "
            yield "parameters", prefix + e["path"], shown(e["new"]) if "new" in e else None
        elif e["_name"] == "evaluation.completed" and stream == f"version/{e['version']}":
            where = f"on {e['datasetRole']}" if "datasetRole" in e else "evaluated"
            yield from (("metrics", f"{m['metric']} {where}{sliced(m)}", m["value"]) for m in e["results"])
        elif e["_name"] == "approval.decided" and e["decision"] != "revoke" and stream == f"version/{e['of'].get('version')}":
            word = weigh(g, f"approval/{e['eventId']}")
            yield "approvals", f"{e['of']['environment']} by {e['actor']}", f"{e['decision']}, {word}"


def facts_of_start(g: Ground, e: Json) -> Iterator[tuple[str, str, object]]:
    table = {"code": ("containerDigest", "dirtyDigest", "entryPoint", "gitCommit"), "seed": ("seed",)}
    for area, keys in {**table, "environment": ("environmentDigest", "hardwareClass")}.items():
        yield from ((area, key, e[key]) for key in keys if key in e)
    yield from (("parameters", each["key"], shown(each["value"])) for each in e.get("parameters", []))
    for digest in dict.fromkeys(each["data"] for each in e.get("inputs", [])):
        yield data_fact(g, digest, ", ".join(each["role"] for each in e["inputs"] if each["data"] == digest))
    yield from (("parents", name_of(g, f"version/{each}"), "base") for each in e.get("baseVersions", []))


def shown(value: object) -> object:
    if isinstance(value, dict):
        return f"sha256:{value['digest']}" if "digest" in value else f"sealed:{value['sealed']}"
    return value


def data_fact(g: Ground, digest: str, role: str) -> tuple[str, str, object]:
    state = g.state(f"data/{digest}") or {}
    return "data", name_of(g, f"data/{digest}"), role + (", withdrawn" if "withdrawn" in state else "")


def sliced(metric: Json) -> str:
    pairs = []
    for each in metric.get("slice", []):
        value = shown(each["value"])
        pairs.append(f"{each['key']}={value}")
    return f" ({', '.join(pairs)})" if pairs else ""


def weigh(g: Ground, stream: str) -> str:
    state = g.state(stream)
    if state is None:
        raise Failed(11, "state-record")
    key = g.state(f"key/{state['keyid']}")
    if state["status"] != "open":
        return "revoked"
    if "expires" in state and state["expires"] <= g.now:
        return "expired"
    disputed = key is None or key.get("disputedFrom", state["index"] + 1) <= state["index"]
    return "disputed" if disputed else "counts"


def claim(q: Json, g: Ground) -> tuple[str, Json]:
    positive = OPPOSITES.get(q["claim"], q["claim"])
    kind = "data/" if positive == "withdrawn" else "version/"
    if not q["of"].startswith(kind) or ("environment" in q and not CLAIMS[positive]):
        raise Refused("bad-claim")
    record = g.record(q["of"])
    witnesses = [] if record is None else list(WITNESSES[positive](q, g))
    found = any(each["standing"] in ("counts", "recorded", "open") for each in witnesses)
    holds = found == (positive == q["claim"])
    findings = {"ask": "claim", "holds": holds, "name": name_of(g, q["of"]), "recorded": record is not None}
    return "holds" if holds else "fails", findings | ({"witnesses": witnesses} if witnesses else {})


def approved(q: Json, g: Ground) -> Iterator[Json]:
    for index, e in g.events(q["of"]):
        if e["_name"] != "approval.decided" or e["decision"] != "approve" or q["of"] != f"version/{e['of'].get('version')}":
            continue
        if q.get("environment", e["of"]["environment"]) == e["of"]["environment"]:
            stream = f"approval/{e['eventId']}"
            found = {"actor": e["actor"], "index": index, "standing": weigh(g, stream), "stream": stream}
            yield found | ({"expires": e["expiresAt"]} if "expiresAt" in e else {})


def deployed(q: Json, g: Ground) -> Iterator[Json]:
    for index, e in g.events(q["of"]):
        if e["_name"] != "deployment.changed" or q["of"] != f"version/{e['version']}":
            continue
        if q.get("environment", e["environment"]) == e["environment"]:
            place = f"deployment/{e['environment']}/{e['name']}"
            yield {"actor": e["actor"], "index": index, "standing": "recorded", "stream": place}


def held(q: Json, g: Ground) -> Iterator[Json]:
    state = g.state(q["of"]) or {}
    count = 0
    for index, e in g.events(q["of"]) if state.get("holds") else []:
        if e["_name"] == "incident.recorded" and e["hold"] and q["of"] == f"version/{e['version']}":
            incident = g.state(f"incident/{e['eventId']}")
            is_open = incident is not None and incident["status"] == "open"
            count += is_open
            standing = "open" if is_open else "closed"
            yield {"actor": e["actor"], "index": index, "standing": standing, "stream": f"incident/{e['eventId']}"}
    demand(count == state.get("holds", 0), 11, "state-record")


def withdrawn(q: Json, g: Ground) -> Iterator[Json]:
    state = g.state(q["of"]) or {}
    if "withdrawn" in state:
        e = entry(g, state["withdrawn"], "dataset.withdrawn")
        yield {"actor": e["actor"], "index": state["withdrawn"], "standing": "open", "stream": q["of"]}


WITNESSES = {"approved": approved, "deployed": deployed, "on-hold": held, "withdrawn": withdrawn}
