"""Decisions, actors, keys, records and the ledger's own order (docs/spec 6.4)."""

from __future__ import annotations

import json
from typing import Any

from nacl.exceptions import BadSignatureError

from second.council import MOST_MEMBERS, address, is_free
from second.forms import Json, canonical, sha256
from second.judging import Judging, may
from second.requirements import WAIVABLE, environment_of, judge_amendment, sets_of_maker
from second.verdicts import Refused
from second.vocabulary import own_streams

MEMBER_KEYS = ("validatorKey", "cosignerKey", "publisherKey")


class Order(Judging):
    """Who may, who decided, and what became of it."""

    def approval_decided(self, e: Json) -> None:
        of = dict(e["of"])
        environment, terms = of.pop("environment", None), of.pop("terms", None)
        ((kind, thing),) = of.items()
        thing = thing if terms is None else f"{thing}/{terms}"
        version = self.need(f"version/{thing}")[0] if kind == "version" else None
        if "revokes" in e:
            self.revoke(e, f"{kind}/{thing}", environment)
            return
        self.demand(bool(self.persons), "persons")
        self.demand("expiresAt" not in e or e["expiresAt"] > self.time, "expired")
        if environment is not None:
            self.demand_policy(environment)
        if version is not None and e["decision"] == "approve":
            for party in (environment_of(self.policy, environment) or {}).get("separation", []):
                if party in ("trainer", "registrar"):
                    makers = sets_of_maker(self.ledger, party, version)
                    self.demand(all(each and not each & set(self.persons) for each in makers), "separation")
        if version is not None and e["decision"] == "reject":
            self.count_rejection(f"version/{thing}", version, environment, 1)
        self.change(
            f"approval/{e['eventId']}",
            decision=e["decision"],
            environment=environment,
            expires=e.get("expiresAt"),
            index=self.index,
            keyid=self.key,
            of=f"{kind}/{thing}",
            organisation=self.actor.get("organisation"),
            persons=self.persons,
            roles=self.actor.get("roles"),
            status="open",
            time=self.time,
        )

    def revoke(self, e: Json, thing: str, environment: str | None) -> None:
        (revoked,) = self.need(f"approval/{e['revokes']}")
        if revoked is None:
            return
        self.demand((revoked["of"], revoked.get("environment")) == (thing, environment), "of")
        self.demand(revoked["status"] == "open", "revoke")
        self.demand(bool(self.own & set(revoked.get("persons", []))) or self.may_hold(), "revoke")
        self.change(f"approval/{e['revokes']}", status="revoked")
        if revoked["decision"] == "reject" and thing.startswith("version/") and not self.rules:
            self.count_rejection(thing, self.ledger.state(thing) or {}, environment, -1)

    def count_rejection(self, stream: str, version: Json, environment: str | None, change: int) -> None:
        counts = {each["environment"]: each["count"] for each in version.get("rejected", [])}
        counts[environment] = counts.get(environment, 0) + change
        self.change(stream, rejected=[{"count": counts[each], "environment": each} for each in sorted(counts) if counts[each]])

    def waiver_granted(self, e: Json) -> None:
        self.need(f"version/{e['version']}")
        self.demand(e["rule"] in WAIVABLE, "waiver")
        self.demand(bool(self.persons), "persons")
        self.demand(e["expiresAt"] > self.time, "expired")
        self.demand_policy(e["environment"])
        scope = {"environment": e["environment"], "expires": e["expiresAt"], "rule": e["rule"], "version": e["version"]}
        self.change(f"waiver/{e['eventId']}", index=self.index, keyid=self.key, persons=self.persons, **scope)

    def record_amended(self, e: Json) -> None:
        if e["target"] not in self.block.earlier:
            raise Refused("unknown")
        statement = json.loads(self.block.earlier[e["target"]][1])
        target = statement["predicate"]
        streams = {f"acts/{target['actor']}", *own_streams(statement["predicateType"].split(":")[3], target)}
        self.demand(e["about"] == sorted(streams), "about")
        stream = f"amendment/{e['target']}"
        self.demand(e["kind"] != "redact" or not (self.ledger.state(stream) or {}).get("preserved"), "preserved")
        changes = {"preserve": {"preserved": True}, "unpreserve": {"preserved": False}, "redact": {"redacted": True}, "correct": {}}
        self.change(stream, **changes[e["kind"]])

    def actor_enrolled(self, e: Json) -> None:
        for each in e.get("responsible", []):
            (person,) = self.need(f"actor/{each}")
            if person is not None:
                self.demand(person["kind"] == "person", "actor")
                self.demand_own(person.get("organisation"))
        self.demand({*e.get("roles", [])} <= {each["name"] for each in self.policy["roles"]}, "roles")
        known = self.ledger.state(f"actor/{e['of']}")
        self.demand(known is None or known["kind"] == e["kind"], "actor")
        self.demand_own(e.get("organisation"))
        if known is not None:
            self.demand_own(known.get("organisation"))
        listed = ("kind", "organisation", "responsible", "roles")
        self.states[f"actor/{e['of']}"] = {name: e[name] for name in listed if name in e}
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

    def demand_own(self, organisation: str | None) -> None:
        """In a consortium an actor of a member is that member's affair."""
        members = self.ledger.state("members") or {"active": []}
        self.demand(organisation not in members["active"] or organisation == self.actor.get("organisation"), "organisation")

    def key_changed(self, e: Json) -> None:
        (holder,) = self.need(f"actor/{e['of']}")
        self.demand_own((holder or {}).get("organisation"))
        if e["change"] in ("add", "rotate"):
            self.add_key(e["of"], e["key"], e["proof"], expires=e.get("expiresAt"), claims=e.get("claimsDigest"))
        if e["change"] == "add":
            return
        ended = f"key/{e['replaces'] if e['change'] == 'rotate' else e['key']}"
        (key,) = self.need(ended)
        if key is None:
            return
        self.demand(key["actor"] == e["of"], "key")
        if e["change"] == "rotate":
            self.demand("until" not in key, "key")
            longer = "expires" in key and e.get("expiresAt", "~") > key["expires"]
            other = "claimsDigest" in e and e["claimsDigest"] != key.get("claims")
            self.demand(not (longer or other) or may(self.policy, self.actor, self.name), "key")
        self.change(ended, until=key.get("until", self.index))
        if e["change"] == "compromise":
            self.demand(e["fromIndex"] <= self.index, "from-index")
            self.change(ended, disputedFrom=min(e["fromIndex"], key.get("disputedFrom", e["fromIndex"])))

    def amend(self, e: Json, of: str, since: int) -> None:
        """The amendment rule."""
        self.need(*(f"approval/{each}" for each in e.get("approvals", [])))
        self.rules += judge_amendment(self.ledger, self.policy, e.get("approvals", []), of, since, self.time)

    def policy_amended(self, e: Json) -> None:
        digest = sha256(canonical(e["policy"])).hex()
        self.amend(e, f"policy/{digest}", (self.ledger.state("policy") or {})["index"])
        self.change("policy", digest=digest, index=self.index)

    def member_changed(self, e: Json) -> None:
        stream = f"member/{e['member']}"
        terms = {name: e[name] for name in ("change", "member", *MEMBER_KEYS) if name in e}
        known = self.ledger.state(stream)
        self.amend(e, f"{stream}/{sha256(canonical(terms)).hex()}", (known or {"index": -1})["index"])
        recorded = self.ledger.state("members") or {"active": []}
        active = set(recorded["active"])
        self.demand((e["member"] in active) == (e["change"] != "admit"), "member")
        self.demand(all(is_free(self.ledger.state, e, each) for each in MEMBER_KEYS if each in e), "member-key")
        publisher = recorded.get("publisher")
        if e["change"] == "admit" or (e["change"] == "remove" and known is not None):
            active = active | {e["member"]} if e["change"] == "admit" else active - {e["member"]}
            self.demand(1 <= len(active) <= MOST_MEMBERS, "member")
            publisher = publisher if publisher is not None and publisher["organisation"] in active else None
        if e["change"] == "publish":
            publisher = {"key": e["publisherKey"], "organisation": e["member"]}
        self.change("members", active=sorted(active), publisher=publisher)
        self.change(stream, index=self.index)
        if e["change"] == "admit":
            self.change(stream, status="active")
        if e["change"] == "remove":
            self.change(stream, status="removed")
        if "validatorKey" in e:
            self.change(stream, key=e["validatorKey"])
            self.change(f"validator/{address(e['validatorKey'])}", key=e["validatorKey"], member=e["member"])
        if "cosignerKey" in e:
            self.change(stream, cosigner=e["cosignerKey"])
            self.change(f"cosigner/{e['cosignerKey']}", member=e["member"])

    def protocol_upgraded(self, e: Json) -> None:
        self.amend(e, f"protocol/{e['protocol']}", -1)
        in_force = (self.ledger.state("protocol") or {})["number"]
        self.demand(e["protocol"] == in_force + 1, "protocol")
        self.change("protocol", number=e["protocol"])

    def attempt_refused(self, e: Json) -> None:
        self.need(f"actor/{e['of']}")
        self.demand(self.actor["kind"] == "service", "actor")

    def disclosure_made(self, e: Json) -> None:
        self.rules += ["unknown" for each in e.get("events", []) if each not in self.block.earlier]

    def ledger_linked(self, e: Json) -> None:
        self.change(f"link/{e['linked']}", genesis=e["linked"], trust=e["trustDigest"])
