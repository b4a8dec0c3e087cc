"""Data, runs, models, evaluations, deployments, incidents and owners (docs/spec 6.4)."""

from __future__ import annotations

from second.ancestry import MOST_OF_BLOCK
from second.forms import Json, canonical, holds
from second.judging import fields
from second.order import Order
from second.requirements import Case
from second.verdicts import Refused, Repeated
from second.vocabulary import owner_of, parameter_of


def same_value(old: object, recorded: object) -> bool:
    """Do two values of a parameter equal each other? None stands for an absent one."""
    if isinstance(old, dict) and isinstance(recorded, dict):
        return "digest" not in recorded or old["digest"] == recorded["digest"]
    return type(old) is type(recorded) and old == recorded


class Effects(Order):
    """Page 6.4: one event's own conditions and changes."""

    def dataset_registered(self, e: Json) -> None:
        data, name = f"data/{e['data']}", f"dataset/{e['name']}"
        known = self.ledger.state(data)
        if known:
            differs = any(term in e and e[term] != known.get(term) for term in ("licence", "purposes", "personalData"))
            once = known["name"] != e["name"] or differs
            raise Refused("once") if once else Repeated(self.ledger.records[data]["first"])
        count = (self.ledger.state(name) or {"count": 0})["count"] + 1
        self.change(name, count=count, latest=e["data"])
        terms = {key: e.get(key) for key in ("licence", "purposes", "personalData")}
        self.change(data, name=e["name"], ordinal=count, **terms)

    def dataset_transformed(self, e: Json) -> None:
        for each in e["inputs"]:
            self.need_fresh(each)
        for each in e["outputs"]:
            (known,) = self.need(f"data/{each}")
            self.demand("made" not in (known or {}), "once")
            self.change(f"data/{each}", made=self.index)

    def need_fresh(self, data: str) -> None:
        """Data that exists and is not withdrawn."""
        (known,) = self.need(f"data/{data}")
        self.demand("withdrawn" not in (known or {}), "withdrawn")

    def dataset_withdrawn(self, e: Json) -> None:
        (known,) = self.need(f"data/{e['data']}")
        if known and "withdrawn" not in known:
            self.change(f"data/{e['data']}", withdrawn=self.index)

    def training_started(self, e: Json) -> None:
        for each in e.get("inputs", []):
            self.need_fresh(each["data"])
        self.need(*(f"version/{each}" for each in e.get("baseVersions", [])))
        run = {"model": e.get("model"), "persons": self.persons, "start": self.index, "status": "started"}
        self.change(f"run/{e['eventId']}", **run)

    def training_finished(self, e: Json) -> None:
        (known,) = self.need(f"run/{e['run']}")
        self.demand("finish" not in (known or {}), "once")
        began = (known or {}).get("persons", [])
        persons = sorted({*began, *self.persons}) if began else []
        self.change(f"run/{e['run']}", finish=self.index, status=e["status"], persons=persons)

    def model_registered(self, e: Json) -> None:
        version, name = f"version/{e['version']}", f"model/{e['model']}"
        known = self.ledger.state(version)
        if known:
            first = self.ledger.body(known["made"])
            differs = [name in e and e[name] != first.get(name) for name in ("data", "licence", "parents")]
            differs.append("run" in e and "run" not in first)
            once = ["once"] * sum(differs) if known["model"] == e["model"] else ["once"]
            raise Refused(*once) if once else Repeated(self.ledger.records[version]["first"])
        self.need(*(f"version/{each}" for each in e.get("parents", [])), *(f"data/{each}" for each in e.get("data", [])))
        if "run" in e:
            (run,) = self.need(f"run/{e['run']}")
            self.demand((run or {}).get("model", e["model"]) == e["model"], "run")
            if run and "model" not in run:
                self.change(f"run/{e['run']}", model=e["model"])
        else:
            self.demand(e.get("grade", "declared") in ("declared", "imported"), "grade")
        model = {"count": 0, "owner": e["actor"]} | (self.ledger.state(name) or {})
        self.change(name, count=model["count"] + 1, latest=e["version"], owner=model["owner"])
        made = {"made": self.index, "model": e["model"], "ordinal": model["count"] + 1, "run": e.get("run"), "status": "registered"}
        self.change(version, persons=self.persons, **made)

    def parameter_changed(self, e: Json) -> None:
        owner = owner_of(e)
        (known,) = self.need(owner)
        stream = parameter_of(owner, e)
        if known is not None:
            self.demand(same_value(e.get("old"), self.recorded_value(e, known, stream)), "old-value")
        self.states[stream] = {"index": self.index} | ({"value": e["new"]} if "new" in e else {})

    def recorded_value(self, e: Json, owner: Json, stream: str) -> object:
        """What the ledger says that a parameter was; None where it says nothing."""
        recorded = self.ledger.state(stream)
        if recorded is not None:
            return recorded.get("value")
        if "version" not in e["of"] or "run" not in owner or e["target"] != "hyperparameter":
            return None
        run = self.ledger.state(f"run/{owner['run']}") or {}
        given = {each["key"]: each["value"] for each in self.ledger.body(run["start"]).get("parameters", [])}
        return given.get(e["path"])

    def evaluation_planned(self, e: Json) -> None:
        if "data" in e:
            self.need(f"data/{e['data']}")
        if self.ledger.state(f"model/{e['model']}") is None:
            self.change(f"model/{e['model']}", count=0)
        said = fields(e, ("comparator", "data", "datasetRole", "metric", "model", "threshold"))
        self.change(f"plan/{e['eventId']}", index=self.index, sliced="slices" in e, **said)

    def evaluation_completed(self, e: Json) -> None:
        version, *_ = self.need(f"version/{e['version']}", *([f"data/{e['data']}"] if "data" in e else []))
        passed = None
        if "plan" in e:
            (plan,) = self.need(f"plan/{e['plan']}")
            if plan is not None and version is not None:
                agree = all(plan[name] == e.get(name) for name in ("data", "datasetRole") if name in plan)
                self.demand(agree and version["model"] == plan["model"], "plan")
                passed = self.passes(e, plan)
        self.states[f"evaluation/{e['eventId']}"] = {"index": self.index, "version": e["version"]}
        if passed is not None:
            self.states[f"evaluation/{e['eventId']}"] |= {"plan": e["plan"], "passed": passed}
        self.change(f"evaluation/{e['eventId']}", persons=self.persons)

    def passes(self, e: Json, plan: Json) -> bool:
        """By arithmetic."""
        results = [each for each in e["results"] if each["metric"] == plan["metric"]]
        slices = [canonical(each) for each in self.ledger.body(plan["index"]).get("slices", [])]
        measured = {canonical(each.get("slice", [])) for each in results}
        met = all(holds(each["value"], plan["comparator"], plan["threshold"]) for each in results)
        return met and measured.issuperset([canonical([]), *slices])

    def deployment_changed(self, e: Json) -> None:
        place, version = f"deployment/{e['environment']}/{e['name']}", f"version/{e['version']}"
        (state,) = self.need(version)
        self.need(*(f"{kind}/{each}" for kind in ("approval", "evaluation", "waiver") for each in e.get(f"{kind}s", [])))
        current = self.ledger.state(place) or {}
        running = current["version"] if current.get("status") == "running" else None
        continues = e["transition"] in ("scale", "stop")
        if continues and running != e["version"]:
            self.demand(False, "recorded-version")
        else:
            self.demand(e.get("replaces") == (None if running == e["version"] else running), "replaces")
        case = Case(self.ledger, self.policy, e, self.persons, self.time, MOST_OF_BLOCK - self.block.walked)
        if not continues and state is not None:
            self.rules += case.judge()
            self.block.walked += case.walked
        if self.rules or state is None:
            return
        if "replaces" in e:
            (replaced,) = self.need(f"version/{e['replaces']}")
            self.change(f"version/{e['replaces']}", running=(replaced or {}).get("running", 0) - 1)
        if e["transition"] == "stop":
            self.change(version, running=state.get("running", 0) - 1)
        elif e["transition"] != "scale":
            admitted = {*state.get("admitted", [])} | ({e["environment"]} if case.meets_something() else set())
            self.change(version, admitted=sorted(admitted), running=state.get("running", 0) + (running != e["version"]))
        self.change(
            place,
            ordinal=state["ordinal"],
            since=current["since"] if e["transition"] == "scale" else self.index,
            status="stopped" if e["transition"] == "stop" else "running",
            transition=e["transition"],
            version=e["version"],
        )

    def deployment_observed(self, e: Json) -> None:
        (place,) = self.need(f"deployment/{e['environment']}/{e['name']}")
        if place is not None:
            runs = (place["status"], place["version"]) == ("running", e["seen"])
            self.demand(e["matches"] == runs, "matches")

    def incident_recorded(self, e: Json) -> None:
        (version,) = self.need(f"version/{e['version']}")
        self.demand(not e["hold"] or self.may_hold(), "hold-role")
        self.change(f"incident/{e['eventId']}", hold=e["hold"], status="open", version=e["version"])
        if version and e["hold"]:
            self.change(f"version/{e['version']}", holds=version.get("holds", 0) + 1)

    def incident_closed(self, e: Json) -> None:
        incident, version = self.need(f"incident/{e['incident']}", f"version/{e['version']}")
        if incident is None or version is None:
            return
        self.demand((incident["status"], incident["version"]) == ("open", e["version"]), "incident")
        self.demand(not incident.get("hold") or self.may_hold(), "hold-role")
        self.change(f"incident/{e['incident']}", status="closed")
        if incident.get("hold"):
            self.change(f"version/{e['version']}", holds=version.get("holds", 0) - 1)

    def ownership_offered(self, e: Json) -> None:
        model, _ = self.need(f"model/{e['model']}", f"actor/{e['to']}")
        self.demand(model is None or model.get("owner") == e["from"] == e["actor"], "owner")
        self.change(f"model/{e['model']}", offer=e["eventId"], offeredTo=e["to"])

    def ownership_accepted(self, e: Json) -> None:
        (model,) = self.need(f"model/{e['model']}")
        self.demand(model is None or (model.get("offer"), model.get("offeredTo")) == (e["offer"], e["actor"]), "owner")
        self.change(f"model/{e['model']}", owner=e["actor"], offer=None, offeredTo=None)

    def model_retired(self, e: Json) -> None:
        version, *_ = self.need(f"version/{e['version']}", *([f"version/{e['replacement']}"] if "replacement" in e else []))
        if version is not None:
            self.demand(version["model"] == e["model"], "model")
            self.demand(version["status"] == "registered", "retired")
            self.demand(not version.get("running"), "running")
        self.change(f"version/{e['version']}", status="retired")

    def system_registered(self, e: Json) -> None:
        self.need(*e.get("about", []))
        self.states[f"system/{e['name']}"] = {}
