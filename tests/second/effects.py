"""Each event's own conditions and changes (docs/spec 6.4)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Protocol

from nacl.exceptions import BadSignatureError

from second.forms import Json, canonical, sha256
from second.verdicts import Refused, Repeated
from second.vocabulary import own_streams, owner_of, parameter_of


class Known(Protocol):
    """What effects ask of a ledger."""

    records: dict[str, Json]

    def state(self, stream: str) -> Json | None:
        """The state of a stream that exists."""

    def check_key(self, actor: str, key: str, proof: str) -> None:
        """A key's own signature."""


def holds(value: str, comparator: str, threshold: str) -> bool:
    """Page 1.3; `decimal` compares exactly."""
    if "N" in value + threshold or "I" in value + threshold:
        return False
    order = Decimal(value).compare(Decimal(threshold))
    return {"eq": order == 0, "ge": order >= 0, "gt": order > 0, "le": order <= 0, "lt": order < 0}[comparator]


class Effects:
    """Page 6.4: one event's own conditions and changes."""

    def __init__(
        self, ledger: Known, known: dict[str, tuple[int, bytes]], index: int, time: str, key: str, name: str, event: Json
    ) -> None:
        self.ledger, self.known, self.index, self.time, self.key, self.name, self.e = ledger, known, index, time, key, name, event
        self.rules: list[str] = []
        self.states: dict[str, Json] = {}

    def judge(self) -> dict[str, Json]:
        """The states to set. Raises Refused or Repeated."""
        getattr(self, self.name.replace(".", "_"), self.declarative)(self.e)
        sets = [[each for item in state.values() if isinstance(item, list) for each in item] for state in self.states.values()]
        if not self.rules and any(sum(len(each) + 3 for each in items) > 3_200 for items in sets):
            self.rules.append("record-size")
        if self.rules:
            raise Refused(*self.rules)
        return self.states

    def need(self, *streams: str) -> list[Json | None]:
        """What must exist."""
        found = [self.states.get(stream) or self.ledger.state(stream) for stream in streams]
        self.rules += ["unknown"] * found.count(None)
        return found

    def demand(self, condition: bool, rule: str) -> None:
        if not condition:
            self.rules.append(rule)

    def change(self, stream: str, **changes: Any) -> None:
        """Set fields of a state; None takes one out, and so does a default."""
        state = dict(self.states.get(stream) or self.ledger.state(stream) or {})
        for name, value in changes.items():
            state.pop(name, None)
            if value is not None and value is not False and value != [] and (value != 0 or name not in ("holds", "running")):
                state[name] = value
        self.states[stream] = state

    def declarative(self, e: Json) -> None:
        self.need(*e["about"])

    def dataset_registered(self, e: Json) -> None:
        data, name = f"data/{e['data']}", f"dataset/{e['name']}"
        known = self.ledger.state(data)
        if known:
            raise Repeated(self.ledger.records[data]["first"]) if known["name"] == e["name"] else Refused("once")
        count = (self.ledger.state(name) or {"count": 0})["count"] + 1
        self.change(name, count=count, latest=e["data"])
        terms = {key: e.get(key) for key in ("licence", "purposes", "personalData")}
        self.change(data, name=e["name"], ordinal=count, **terms)

    def dataset_transformed(self, e: Json) -> None:
        self.need(*(f"data/{each}" for each in e["inputs"]))
        for each in e["outputs"]:
            (known,) = self.need(f"data/{each}")
            self.demand("made" not in (known or {}), "once")
            self.change(f"data/{each}", made=self.index)

    def dataset_withdrawn(self, e: Json) -> None:
        (known,) = self.need(f"data/{e['data']}")
        if known and "withdrawn" not in known:
            self.change(f"data/{e['data']}", withdrawn=self.index)

    def training_started(self, e: Json) -> None:
        self.need(
            *(f"data/{each['data']}" for each in e.get("inputs", [])), *(f"version/{each}" for each in e.get("baseVersions", []))
        )
        self.change(f"run/{e['eventId']}", model=e.get("model"), start=self.index, status="started")

    def training_finished(self, e: Json) -> None:
        (known,) = self.need(f"run/{e['run']}")
        self.demand("finish" not in (known or {}), "once")
        self.change(f"run/{e['run']}", finish=self.index, status=e["status"])

    def model_registered(self, e: Json) -> None:
        version, name = f"version/{e['version']}", f"model/{e['model']}"
        known = self.ledger.state(version)
        if known:
            raise Repeated(self.ledger.records[version]["first"]) if known["model"] == e["model"] else Refused("once")
        self.need(*(f"version/{each}" for each in e.get("parents", [])), *(f"data/{each}" for each in e.get("data", [])))
        if "run" in e:
            (run,) = self.need(f"run/{e['run']}")
            if run and "model" not in run:
                self.change(f"run/{e['run']}", model=e["model"])
        model = self.ledger.state(name) or {"count": 0, "owner": e["actor"]}
        self.change(name, count=model["count"] + 1, latest=e["version"], owner=model["owner"])
        made = {"made": self.index, "model": e["model"], "ordinal": model["count"] + 1, "run": e.get("run"), "status": "registered"}
        self.change(version, **made)

    def parameter_changed(self, e: Json) -> None:
        owner = owner_of(e)
        self.need(owner)
        self.states[parameter_of(owner, e)] = {"index": self.index} | ({"value": e["new"]} if "new" in e else {})

    def evaluation_planned(self, e: Json) -> None:
        if "data" in e:
            self.need(f"data/{e['data']}")
        if self.ledger.state(f"model/{e['model']}") is None:
            self.change(f"model/{e['model']}", count=0, owner=e["actor"])
        fields = {name: e.get(name) for name in ("comparator", "datasetRole", "metric", "model", "threshold")}
        self.change(f"plan/{e['eventId']}", index=self.index, **fields)

    def evaluation_completed(self, e: Json) -> None:
        self.need(f"version/{e['version']}", *([f"data/{e['data']}"] if "data" in e else []))
        state = {"index": self.index, "version": e["version"]}
        if "plan" in e:
            (plan,) = self.need(f"plan/{e['plan']}")
            values = [each["value"] for each in e["results"] if plan and each["metric"] == plan["metric"]]
            passed = bool(values) and all(holds(value, plan["comparator"], plan["threshold"]) for value in values if plan)
            state |= {"plan": e["plan"], "passed": passed}
        self.states[f"evaluation/{e['eventId']}"] = state

    def approval_decided(self, e: Json) -> None:
        of = dict(e["of"])
        environment = of.pop("environment", None)
        ((kind, thing),) = of.items()
        if kind == "version":
            self.need(f"version/{thing}")
        if "revokes" in e:
            (revoked,) = self.need(f"approval/{e['revokes']}")
            if revoked:
                self.demand((revoked["of"], revoked.get("environment")) == (f"{kind}/{thing}", environment), "of")
            self.change(f"approval/{e['revokes']}", status="revoked")
            return
        actor = self.ledger.state(f"actor/{e['actor']}") or {}
        persons = [e["actor"]] if actor["kind"] == "person" else actor.get("responsible", [])
        self.change(
            f"approval/{e['eventId']}",
            decision=e["decision"],
            environment=environment,
            expires=e.get("expiresAt"),
            index=self.index,
            keyid=self.key,
            of=f"{kind}/{thing}",
            persons=sorted({*persons, *e.get("onBehalfOf", [])}),
            roles=actor.get("roles"),
            status="open",
            time=self.time,
        )

    def waiver_granted(self, e: Json) -> None:
        self.need(f"version/{e['version']}")
        fields = {"environment": e["environment"], "expires": e["expiresAt"], "rule": e["rule"], "version": e["version"]}
        self.change(f"waiver/{e['eventId']}", **fields)

    def deployment_changed(self, e: Json) -> None:
        place, version = f"deployment/{e['environment']}/{e['name']}", f"version/{e['version']}"
        (state,) = self.need(version)
        self.need(*(f"{kind}/{each}" for kind in ("approval", "evaluation", "waiver") for each in e.get(f"{kind}s", [])))
        current = self.ledger.state(place) or {}
        running = current["version"] if current.get("status") == "running" else None
        if e["transition"] in ("scale", "stop") and running != e["version"]:
            self.demand(False, "recorded-version")
        else:
            self.demand(e.get("replaces") == (None if running == e["version"] else running), "replaces")
        if self.rules or state is None:
            return
        if "replaces" in e:
            (replaced,) = self.need(f"version/{e['replaces']}")
            self.change(f"version/{e['replaces']}", running=(replaced or {}).get("running", 0) - 1)
        if e["transition"] == "stop":
            self.change(version, running=state.get("running", 0) - 1)
        else:
            admitted = sorted({*state.get("admitted", []), e["environment"]})
            self.change(version, admitted=admitted, running=state.get("running", 0) + (running != e["version"]))
        since = current["since"] if e["transition"] == "scale" else self.index
        status = "stopped" if e["transition"] == "stop" else "running"
        fields = {
            "ordinal": state["ordinal"],
            "since": since,
            "status": status,
            "transition": e["transition"],
            "version": e["version"],
        }
        self.change(place, **fields)

    def deployment_observed(self, e: Json) -> None:
        self.need(f"deployment/{e['environment']}/{e['name']}")

    def incident_recorded(self, e: Json) -> None:
        (version,) = self.need(f"version/{e['version']}")
        self.change(f"incident/{e['eventId']}", hold=e["hold"], status="open", version=e["version"])
        if version and e["hold"]:
            self.change(f"version/{e['version']}", holds=version.get("holds", 0) + 1)

    def incident_closed(self, e: Json) -> None:
        incident, version = self.need(f"incident/{e['incident']}", f"version/{e['version']}")
        if incident is None or version is None:
            return
        self.demand(incident["status"] == "open" and incident["version"] == e["version"], "incident")
        self.change(f"incident/{e['incident']}", status="closed")
        if incident.get("hold"):
            self.change(f"version/{e['version']}", holds=version.get("holds", 0) - 1)

    def ownership_offered(self, e: Json) -> None:
        model, _ = self.need(f"model/{e['model']}", f"actor/{e['to']}")
        self.demand(model is None or model["owner"] == e["from"] == e["actor"], "owner")
        self.change(f"model/{e['model']}", offer=e["eventId"], offeredTo=e["to"])

    def ownership_accepted(self, e: Json) -> None:
        (model,) = self.need(f"model/{e['model']}")
        self.demand(model is None or (model.get("offer"), model.get("offeredTo")) == (e["offer"], e["actor"]), "owner")
        self.change(f"model/{e['model']}", owner=e["actor"], offer=None, offeredTo=None)

    def model_retired(self, e: Json) -> None:
        (version,) = self.need(f"version/{e['version']}")
        self.demand(version is None or version["model"] == e["model"], "model")
        self.change(f"version/{e['version']}", status="retired")

    def record_amended(self, e: Json) -> None:
        if e["target"] not in self.known:
            raise Refused("unknown")
        statement = json.loads(self.known[e["target"]][1])
        target = statement["predicate"]
        streams = {f"acts/{target['actor']}", *own_streams(statement["predicateType"].split(":")[3], target)}
        self.demand(e["about"] == sorted(streams), "about")
        changes = {"preserve": {"preserved": True}, "unpreserve": {"preserved": False}, "redact": {"redacted": True}, "correct": {}}
        self.change(f"amendment/{e['target']}", **changes[e["kind"]])

    def actor_enrolled(self, e: Json) -> None:
        for person in self.need(*(f"actor/{each}" for each in e.get("responsible", []))):
            self.demand(person is None or person["kind"] == "person", "actor")
        known = self.ledger.state(f"actor/{e['of']}")
        self.demand(known is None or known["kind"] == e["kind"], "actor")
        fields = ("kind", "organisation", "responsible", "roles")
        self.states[f"actor/{e['of']}"] = {name: e[name] for name in fields if name in e}
        for each in e.get("keys", []):
            self.add_key(e["of"], each["key"], each["proof"])

    def add_key(self, actor: str, key: str, proof: str, **more: Any) -> None:
        if self.ledger.state(f"key/{key}") is not None:
            self.demand(False, "once")
            return
        try:
            self.ledger.check_key(actor, key, proof)
        except BadSignatureError:
            self.demand(False, "key-proof")
        self.change(f"key/{key}", actor=actor, since=self.index, **more)

    def key_changed(self, e: Json) -> None:
        self.need(f"actor/{e['of']}")
        if e["change"] in ("add", "rotate"):
            self.add_key(e["of"], e["key"], e["proof"], expires=e.get("expiresAt"), claims=e.get("claimsDigest"))
        if e["change"] == "add":
            return
        ended = f"key/{e['replaces'] if e['change'] == 'rotate' else e['key']}"
        (key,) = self.need(ended)
        if key is not None:
            self.demand(key["actor"] == e["of"], "key")
            self.change(ended, until=key.get("until", self.index))
            if e["change"] == "compromise":
                self.change(ended, disputedFrom=e["fromIndex"])

    def policy_amended(self, e: Json) -> None:
        self.need(*(f"approval/{each}" for each in e.get("approvals", [])))
        self.change("policy", digest=sha256(canonical(e["policy"])).hex(), index=self.index)

    def member_changed(self, e: Json) -> None:
        self.need(*(f"approval/{each}" for each in e.get("approvals", [])))
        stream = f"member/{e['member']}"
        if e["change"] != "admit":
            self.need(stream)
        if e["change"] == "remove":
            self.change(stream, status="removed")
        else:
            self.change(stream, key=e["validatorKey"], status="active")

    def protocol_upgraded(self, e: Json) -> None:
        self.need(*(f"approval/{each}" for each in e.get("approvals", [])))
        self.demand(e["protocol"] == 1, "protocol")
        self.change("protocol", number=e["protocol"])

    def attempt_refused(self, e: Json) -> None:
        self.need(f"actor/{e['of']}")

    def disclosure_made(self, e: Json) -> None:
        self.rules += ["unknown" for each in e.get("events", []) if each not in self.known]

    def ledger_linked(self, e: Json) -> None:
        self.change(f"link/{e['linked']}", genesis=e["linked"], trust=e["trustDigest"])

    def system_registered(self, e: Json) -> None:
        self.need(*e.get("about", []))
        self.states[f"system/{e['name']}"] = {}
