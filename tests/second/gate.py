"""The question of a gate (docs/spec 10.7)."""

from __future__ import annotations

from collections.abc import Iterator

from second.derivation import up
from second.forms import Json
from second.ground import Ground, entry, name_of
from second.head import Failed, demand


def gate(q: Json, g: Ground) -> tuple[str, Json]:
    place, subject = f"deployment/{q['environment']}/{q['name']}", f"version/{q['version']}"
    version, deployment = g.state(subject), g.state(place)
    objections: list[Json] = [] if version is not None else [{"about": [subject], "rule": "unknown"}]
    if deployment is None or deployment["status"] != "running":
        since = {} if deployment is None else {"index": deployment["since"]}
        objections.append({"about": [place], "rule": "not-deployed", **since})
    elif deployment["version"] != q["version"]:
        running = f"version/{deployment['version']}"
        objections.append({"about": [place, running], "index": deployment["since"], "rule": "other-version"})
    change, carrying = None, dict[str, Json]()
    if not objections:
        assert deployment is not None
        change = entry(g, deployment["since"], "deployment.changed", place)
        demand(change["version"] == q["version"], 11, "event-kind")
        objections += disputed(q, g, change)
        if q["environment"] not in (version or {}).get("admitted", []):
            named = {f"waiver/{each}": g.state(f"waiver/{each}") or {} for each in change.get("waivers", [])}
            carrying = {
                each: state for each, state in named.items() if state["rule"] not in ("gate", "hold", "retired", "withdrawn")
            }
    objections += [{"about": [each], "rule": "waiver-expired"} for each, state in carrying.items() if state["expires"] <= g.now]
    if version is not None:
        objections += spoiled(subject, version, g)
    waivers = applying(q, g, q.get("waivers", []), ("gate",))
    waivers |= applying(q, g, [] if change is None else change.get("waivers", []), ("hold", "retired", "withdrawn"))
    lifting = []
    for each in objections:
        helping = sorted((state["expires"], id_) for id_, state in waivers.items() if state["rule"] in ("gate", each["rule"]))
        each |= {"called": [name_of(g, stream) for stream in each["about"]]} | ({"waiver": helping[-1][1]} if helping else {})
        lifting += helping[-1:]
    allowed = len(lifting) == len(objections)
    findings: Json = {"allowed": allowed, "ask": "gate", "place": place, "title": name_of(g, subject)}
    findings |= {"since": deployment["since"]} if change is not None and deployment is not None else {}
    ends = [expires for expires, _ in lifting] + [each["expires"] for each in carrying.values() if each["expires"] > g.now]
    findings |= {"until": min(ends)} if ends else {}
    findings |= {"objections": objections} if objections else {}
    findings |= {"standing": [standing(key, g) for key in q["keys"]]} if "keys" in q else {}
    return "holds" if allowed else "fails", findings


def disputed(q: Json, g: Ground, change: Json) -> Iterator[Json]:
    """Approvals and waivers that the start rests on, and whose keys others may have held."""
    named = [change]
    if change["transition"] == "rollback":
        told = [e for _, e in g.events(f"version/{q['version']}") if e["_name"] == "deployment.changed"]
        named = [e for e in told if (e["version"], e["environment"]) == (q["version"], q["environment"])]
        named = [e for e in named if e["transition"] in ("start", "promote", "rollback")]
    for kind in ("approval", "waiver"):
        for id_ in dict.fromkeys(id_ for e in named for id_ in e.get(f"{kind}s", [])):
            state = g.state(f"{kind}/{id_}")
            if state is None:
                raise Failed(11, "state-record")
            since = disputed_from(state, g)
            if since is not None and since <= state["index"]:
                about = [f"{kind}/{id_}", f"key/{state['keyid']}"]
                yield {"about": about, "index": since, "rule": f"{kind}-disputed"}


def disputed_from(state: Json, g: Ground) -> int | None:
    key = g.state(f"key/{state['keyid']}")
    if key is None:
        raise Failed(11, "state-record")
    return key.get("disputedFrom")


def spoiled(subject: str, version: Json, g: Ground) -> Iterator[Json]:
    if version["status"] != "registered":
        yield {"about": [subject], "rule": "retired"}
    if version.get("holds"):
        yield {"about": [subject], "rule": "hold"}
    things, _, exceeded = up(g, subject)
    if exceeded:
        yield {"about": [subject], "rule": "ancestry-limit"}
    near = {each["stream"]: each.get("near") for each in things}
    for each in [each for each in things if "withdrawn" in each][:16]:
        way = [each["stream"]]
        while near[way[0]]:
            way.insert(0, near[way[0]])
        yield {"about": way, "index": each["withdrawn"], "rule": "withdrawn"}


def applying(q: Json, g: Ground, ids: list[str], rules: tuple[str, ...]) -> dict[str, Json]:
    found = {}
    for id_ in ids:
        state = g.state(f"waiver/{id_}")
        if state is None or state["rule"] not in rules or state["expires"] <= g.now:
            continue
        if (state["version"], state["environment"]) == (q["version"], q["environment"]):
            since = disputed_from(state, g)
            if since is None or since > state["index"]:
                found[id_] = state
    return found


def standing(key: str, g: Ground) -> Json:
    state = g.state(f"key/{key}")
    if state is None:
        return {"key": key}
    actor = g.state(f"actor/{state['actor']}")
    good = "until" not in state and "disputedFrom" not in state and state.get("expires", "~") > g.now
    good = good and actor is not None and actor.get("status", "active") == "active"
    return {"actor": state["actor"], "key": key} | ({"inForce": True} if good else {})
