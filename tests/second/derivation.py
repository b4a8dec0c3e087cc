"""History, lineage, impact and blame (docs/spec 10.7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from second.forms import Json
from second.ground import Ground, Refused, entry, lean, name_of, only
from second.head import demand

MAX_THINGS = 4_096


def history(q: Json, g: Ground) -> tuple[str, Json]:
    streams = streams_of(q["of"], g)
    indices = {index for stream in streams for index, _ in g.events(stream)}
    spans = []
    for stream in streams:
        record = g.record(stream)
        counted = {"count": 0} if record is None else {key: record[key] for key in ("count", "first", "last")}
        spans.append({"stream": stream, **counted})
    return "complete" if indices else "absent", {"ask": "history", "count": len(indices), "streams": spans}


def streams_of(thing: str, g: Ground) -> list[str]:
    kind, _, name = thing.partition("/")
    found = [thing]
    if kind == "actor":
        found += [f"acts/{name}", f"attempts/{name}"]
    elif kind in ("model", "dataset"):
        made, own, below = ("model.registered", "model", "version") if kind == "model" else ("dataset.registered", "name", "data")
        for _, e in g.events(thing):
            if e["_name"] == made and e[own] == name and f"{below}/{e[below]}" not in found:
                found.append(f"{below}/{e[below]}")
    return found


def describe(g: Ground, step: tuple[str, ...]) -> Json:
    """A thing that was found as (stream, near, relation, via)."""
    stream, near, relation, via = step
    state = g.state(stream) or {}
    thing = {"name": name_of(g, stream), "stream": stream, "near": near, "relation": relation, "via": via}
    if stream.startswith("data/"):
        thing["withdrawn"] = state.get("withdrawn")
    else:
        thing |= {"holds": state.get("holds", 0), "retired": state.get("status", "registered") != "registered"}
    return lean(thing)


def parents(g: Ground, stream: str) -> Iterator[tuple[str, str, str]]:
    """One step up: (stream, relation, via)."""
    state = g.state(stream)
    if stream.startswith("data/"):
        if state is not None and "made" in state:
            e = entry(g, state["made"], "dataset.transformed", stream)
            yield from ((f"data/{each}", e["operation"], "") for each in e["inputs"])
        return
    demand(state is not None, 11, "event-kind")
    assert state is not None
    e = entry(g, state["made"], "model.registered", stream)
    yield from ((f"version/{each}", e["derivation"], "") for each in e.get("parents", []))
    yield from ((f"data/{each}", "training", "") for each in e.get("data", []))
    run = g.state(f"run/{state['run']}") if "run" in state else None
    if run is not None:
        via = f"run/{state['run']}"
        e = entry(g, run["start"], "training.started", via)
        yield from ((f"data/{each['data']}", each["role"], via) for each in e.get("inputs", []) if each["role"] != "test")
        yield from ((f"version/{each}", "base", via) for each in e.get("baseVersions", []))


def children(g: Ground, stream: str) -> Iterator[tuple[str, str, str]]:
    """One step down."""
    kind, _, digest = stream.partition("/")
    for _, e in g.events(stream):
        match e["_name"], kind:
            case "dataset.transformed", "data" if digest in e["inputs"]:
                yield from ((f"data/{each}", e["operation"], "") for each in e["outputs"])
            case "model.registered", "data" if digest in e.get("data", []):
                yield f"version/{e['version']}", "training", ""
            case "model.registered", "version" if digest in e.get("parents", []):
                yield f"version/{e['version']}", e["derivation"], ""
            case "training.started", _:
                roles = [each["role"] for each in e.get("inputs", []) if each["data"] == digest and each["role"] != "test"]
                relation = roles[:1] if kind == "data" else ["base"] if digest in e.get("baseVersions", []) else []
                run = f"run/{e['eventId']}"
                for each in relation:
                    made = [other for _, other in g.events(run) if other["_name"] == "model.registered"]
                    yield from ((f"version/{m['version']}", each, run) for m in made if m.get("run") == e["eventId"])


def down(g: Ground, roots: list[str]) -> list[Json]:
    steps = [(root, "", "", "") for root in roots]
    for stream, *_ in steps:
        for found, relation, via in children(g, stream):
            if found not in {each[0] for each in steps}:
                if len(steps) == MAX_THINGS:
                    raise Refused("too-many-things")
                steps.append((found, stream, relation, via))
    return [describe(g, each) for each in steps]


def up(g: Ground, root: str) -> tuple[list[Json], list[str], bool]:
    steps, unknown = [(root, "", "", "")], []
    for stream, *_ in steps:
        above = list(parents(g, stream))
        if stream.startswith("version/") and not above:
            unknown.append(stream)
        for found, relation, via in above:
            if found not in {each[0] for each in steps}:
                if len(steps) == MAX_THINGS:
                    return [describe(g, each) for each in steps], unknown, True
                steps.append((found, stream, relation, via))
    return [describe(g, each) for each in steps], unknown, False


def lineage(q: Json, g: Ground) -> tuple[str, Json]:
    only(q["of"], "data", "version")
    if g.record(q["of"]) is None:
        return "absent", {"ask": "lineage"}
    if q["direction"] == "down":
        return "complete", {"ask": "lineage", "things": down(g, [q["of"]])}
    things, unknown, exceeded = up(g, q["of"])
    return "complete", lean({"ask": "lineage", "exceeded": exceeded, "things": things, "unknown": unknown})


def impact(q: Json, g: Ground) -> tuple[str, Json]:
    only(q["of"], "data", "version", "dataset", "model")
    roots = streams_of(q["of"], g)[1:] if q["of"].startswith(("dataset/", "model/")) else [q["of"]]
    things = down(g, [each for each in roots if g.record(each) is not None])
    versions = [each["stream"] for each in things if each["stream"].startswith("version/")]
    places = set()
    for stream in versions:
        for _, e in g.events(stream):
            if e["_name"] == "deployment.changed" and f"version/{e['version']}" == stream:
                places.add(f"deployment/{e['environment']}/{e['name']}")
    running = []
    for place in sorted(places):
        state = g.state(place)
        if state is not None and state["status"] == "running" and f"version/{state['version']}" in versions:
            version = f"version/{state['version']}"
            running.append({"name": name_of(g, place), "since": state["since"], "stream": place, "version": version})
    return "complete" if things else "absent", lean({"ask": "impact", "deployments": running, "things": things})


def blame(q: Json, g: Ground) -> tuple[str, Json]:
    only(q["of"], "version", "deployment")
    settings = []
    if q["target"] == "hyperparameter" and q["of"].startswith("version/"):
        version = g.state(q["of"])
        run = g.state(f"run/{version['run']}") if version is not None and "run" in version else None
        if run is not None:
            e = entry(g, run["start"], "training.started", f"run/{(version or {})['run']}")
            for each in e.get("parameters", []):
                if each["key"] == q["path"]:
                    settings.append(setting(g, run["start"], e, each["value"]))
    owner = q["of"]
    stream = f"parameter/{owner}/{hashlib.sha256((q['target'] + '/' + q['path']).encode()).hexdigest()}"
    for index, e in g.events(stream):
        if e["_name"] == "parameter.changed" and (e["target"], e["path"]) == (q["target"], q["path"]) and whose(e) == owner:
            settings.append(setting(g, index, e, e.get("new")) | {k: e[k] for k in ("ticket", "unit") if k in e})
    findings = {"ask": "blame", "name": name_of(g, owner)} | ({"settings": settings} if settings else {})
    return "complete" if settings else "absent", findings


def whose(e: Json) -> str:
    of = e["of"]
    return f"version/{of['version']}" if "version" in of else f"deployment/{of['environment']}/{of['name']}"


def setting(g: Ground, index: int, e: Json, value: object) -> Json:
    found = {"actor": e["actor"], "claimed": e["occurredAt"], "event": e["_name"], "index": index, "time": g.time(index)}
    found |= {"onBehalfOf": e["onBehalfOf"]} if "onBehalfOf" in e else {}
    found |= {"reason": e["reason"]["sealed"]} if "reason" in e else {}
    return found | (value if isinstance(value, dict) else {} if value is None else {"value": value})
