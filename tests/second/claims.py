"""Differences and claims (docs/spec 10.7)."""

from __future__ import annotations

from collections.abc import Iterator

from second.derivation import whose
from second.forms import Json, canonical
from second.ground import Ground, Refused, entry, name_of, only
from second.head import Failed, demand

Fact = tuple[str, str, tuple[str, ...], object]

AREAS = ("registration", "data", "parents", "parameters", "code", "environment", "seed", "metrics", "approvals")
CLAIMS = {"approved": 1, "deployed": 1, "on-hold": 0, "withdrawn": 0}
OPPOSITES = {"not-approved": "approved", "never-deployed": "deployed", "not-on-hold": "on-hold", "not-withdrawn": "withdrawn"}


def diff(q: Json, g: Ground) -> tuple[str, Json]:
    only(q["a"], "version")
    only(q["b"], "version")
    names = [name_of(g, q["a"]), name_of(g, q["b"])]
    states = g.state(q["a"]), g.state(q["b"])
    if states[0] is None or states[1] is None:
        return "absent", {"ask": "diff", "names": names, "recorded": False}
    left, right = (gather(facts(g, q[side], state)) for side, state in zip("ab", states, strict=True) if state)
    differences = []
    keys = sorted({*left, *right}, key=lambda key: (AREAS.index(key[0]), *key[1:]))
    for about in keys:
        sides = {side: each for side, each in (("a", left.get(about)), ("b", right.get(about))) if each is not None}
        # A flag is no number, though Python takes it for one.
        if len(sides) == 1 or len({(type(each), each) for each in sides.values()}) == 2:
            sealed = any(isinstance(each, str) and each.startswith("sealed:") for each in sides.values())
            differences.append(sides | {"area": about[0], "key": about[1]} | ({"sealed": True} if sealed else {}))
    same = len(keys) - len(differences)
    findings = {"ask": "diff", "names": names, "recorded": True} | ({"differences": differences} if differences else {})
    return "complete", findings | ({"same": same} if same else {})


def gather(told: Iterator[Fact]) -> dict[tuple[str, str, tuple[str, ...]], object]:
    """The newest fact about each thing, where there is one still."""
    found = {(area, key, parts): value for area, key, parts, value in told}
    return {about: value for about, value in found.items() if value is not None}


def facts(g: Ground, stream: str, state: Json) -> Iterator[Fact]:
    """Area, key, parts, and what is said; None stands for a fact that there is no more."""
    e = entry(g, state["made"], "model.registered", stream)
    yield from plain(e, "registration", "architecture", "derivation", "format", "licence", "parameterCount", "precision")
    run = [other for _, other in g.events(f"run/{state['run']}")] if "run" in state else []
    used: dict[tuple[str, str], list[str]] = {}
    for area, kind, listed in sources(e, [each for each in run if each["_name"] == "training.started"]):
        for each, role in listed:
            used.setdefault((area, f"{kind}/{each}"), []).append(role)
    for (area, each), roles in used.items():
        gone = ["withdrawn"] if "withdrawn" in ((g.state(each) if area == "data" else None) or {}) else []
        yield area, name_of(g, each), (each,), ", ".join([*dict.fromkeys(roles), *gone])
    for e in run:
        if e["_name"] == "training.started":
            yield from plain(e, "code", "containerDigest", "dirtyDigest", "entryPoint", "gitCommit")
            yield from plain(e, "environment", "environmentDigest", "hardwareClass")
            yield from plain(e, "seed", "seed")
            yield from (parameter("hyperparameter", each["key"], each["value"]) for each in e.get("parameters", []))
        elif e["_name"] == "training.finished":
            yield from (measured(m, "in training") for m in e.get("metrics", []))
    for index, e in g.events(stream):
        if e["_name"] == "parameter.changed" and whose(e) == stream:
            yield parameter(e["target"], e["path"], e.get("new"))
        elif e["_name"] == "evaluation.completed" and stream == f"version/{e['version']}":
            where = f"on {e['datasetRole']}" if "datasetRole" in e else "evaluated"
            yield from (measured(m, where) for m in e["results"])
        elif e["_name"] == "approval.decided" and e["decision"] != "revoke" and stream == f"version/{e['of'].get('version')}":
            yield decided(g, index, e)


def plain(e: Json, area: str, *keys: str) -> Iterator[Fact]:
    yield from ((area, key, (key,), e[key]) for key in keys if key in e)


def sources(e: Json, starts: list[Json]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """What a version was made of, with what each was used as."""
    yield "data", "data", [(each, "training") for each in e.get("data", [])]
    yield "parents", "version", [(each, e["derivation"]) for each in e.get("parents", [])]
    for start in starts:
        yield "data", "data", [(each["data"], each["role"]) for each in start.get("inputs", [])]
        yield "parents", "version", [(each, "base") for each in start.get("baseVersions", [])]


def parameter(target: str, path: str, value: object) -> Fact:
    prefix = "" if target == "hyperparameter" else f"{target} "
    return "parameters", prefix + path, (target, path), None if value is None else shown(value)


def measured(m: Json, where: str) -> Fact:
    pairs = [f"{each['key']}={written(shown(each['value']))}" for each in m.get("slice", [])]
    told = f" ({', '.join(pairs)})" if pairs else ""
    exact = canonical(m["slice"]).decode() if pairs else ""
    return "metrics", f"{m['metric']} {where}{told}", (m["metric"], where, exact), m["value"]


def decided(g: Ground, index: int, e: Json) -> Fact:
    stream = f"approval/{e['eventId']}"
    state = g.state(stream)
    if state is None:
        raise Failed(11, "state-record")
    word = weigh(g, stream) if e["decision"] == "approve" else state["status"]
    key = f"{e['of']['environment']} by {e['actor']} in entry {index}"
    return "approvals", key, (e["eventId"],), f"{e['decision']}, {word}"


def shown(value: object) -> object:
    if isinstance(value, dict):
        return f"sha256:{value['digest']}" if "digest" in value else f"sealed:{value['sealed']}"
    return value


def written(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


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
        e = entry(g, state["withdrawn"], "dataset.withdrawn", q["of"])
        yield {"actor": e["actor"], "index": state["withdrawn"], "standing": "open", "stream": q["of"]}


WITNESSES = {"approved": approved, "deployed": deployed, "on-hold": held, "withdrawn": withdrawn}
