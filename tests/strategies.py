"""Hypothesis strategies for everything that may be signed: any valid event of any type, and what it is made of.

    @given(event=events())                          # any type, any ledger, any actor
    @given(event=events(ledger=ID, actor="alice", types=[ModelRegistered]))

Fields are drawn from the types themselves, so that a new field or event needs nothing here; what the types cannot say
(forms, ranges, disjoint sets) is mended in `_mend`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from msgspec.inspect import BoolType, IntType, LiteralType, StrType, StructType, Type, VarTupleType

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.rules import events as vocabulary
from muniment.core.rules.events import Event
from muniment.core.rules.events.schema import describe, fields_of, parts_of
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.policy import QUORUM, Agreement, Approvals, DataTerms, Environment, Policy, Role, Threshold

S = TypeVar("S", bound=msgspec.Struct)
UNSET = msgspec.UNSET

_WORD = "abcdefghijklmnopqrstuvwxyz"
_OFTEN = st.sampled_from([True, True, False])
_NUMBERS = {"threshold", "trafficShare", "samplingRate", "durationSeconds", "computeFlop", "energyKwh"}

segments = st.sampled_from(["a", "B2", "credit-risk", "loans", "production", "v1.2.3", "x_y", "0"]) | st.text(
    _WORD + "ABC019._-", min_size=0, max_size=8
).map(lambda tail: "s" + tail)
identifiers = segments | st.lists(segments, min_size=2, max_size=3).map("/".join)
digests = st.integers(0, 2**16).map(lambda n: hashlib.sha256(n.to_bytes(3, "big")).hexdigest())
shares = st.sampled_from(["0", "1", "0.5", "0.25", "1e-03"])
decimals = st.sampled_from(["NaN", "Infinity", "-Infinity", "1e400", "-1.5e-400", "-0"]) | st.floats(
    allow_nan=False, allow_infinity=False
).map(lambda number: repr(number).replace("e+", "e"))
times = st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:06d}Z".format,
    st.integers(0, 9999),
    st.integers(1, 12),
    st.integers(1, 31),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 999_999),
)


def _event_id(number: int) -> str:
    return str(uuid.UUID(int=number & ~(0xF << 76) & ~(0b11 << 62) | 0x7 << 76 | 0b10 << 62))


event_ids = st.integers(0, 2**128 - 1).map(_event_id)
commitments = digests.map(lambda digest: base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("="))
signatures = digests.map(lambda digest: base64.b64encode(bytes.fromhex(digest) * 2).decode())
controls = st.sampled_from(["eu-ai-act:10(2)(b)", "iso42001:A.7.5", "gdpr:17(1)(b)", "nist-ai-rmf:GOVERN-1.4"])
streams = (
    st.sampled_from(["policy", "protocol"])
    | st.builds("{}/{}".format, st.sampled_from(["actor", "acts", "attempts", "member"]), segments)
    | st.builds("{}/{}".format, st.sampled_from(["dataset", "model", "system"]), identifiers)
    | st.builds("{}/{}".format, st.sampled_from(["data", "version", "key", "link"]), digests)
    | st.builds("{}/{}".format, st.sampled_from(["run", "plan", "evaluation", "approval", "waiver", "incident"]), event_ids)
    | st.builds("deployment/{}/{}".format, segments, identifiers)
)

TEXTS: Mapping[str, st.SearchStrategy[str]] = MappingProxyType(
    {
        "identifier": identifiers,
        "segment": segments,
        "digest": digests,
        "git digest": digests | digests.map(lambda digest: digest[:40]),
        "decimal": decimals,
        "time": times,
        "event id": event_ids,
        "stream": streams,
        "key": st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12),
        "decimal, identifier or digest": decimals.filter(lambda text: text[:3] != "1e4") | identifiers | digests,
        "control": controls,
        "clause": st.sampled_from(["2(g)", "1", "A.7.5"]),
        "media type": st.sampled_from(["application/pdf", "application/vnd.cyclonedx+json"]),
        "country": st.sampled_from(["DE", "FR"]),
        "event name": st.sampled_from(sorted(vocabulary.TYPES)),
        "origin": st.sampled_from(["example.org/models", "acme/credit"]),
        "signature": signatures,
        "commitment": commitments,
    }
)


@functools.cache
def policies() -> st.SearchStrategy[Policy]:
    """Small valid policies, most of which ask for something."""
    names = st.lists(st.sampled_from([*vocabulary.TYPES, "*"]), unique=True, max_size=3).map(lambda may: tuple(sorted(may)))
    roles = st.dictionaries(segments, names, max_size=3)
    return roles.flatmap(lambda found: _policies({name: found[name] for name in sorted(found)}))


def _policies(roles: Mapping[str, tuple[str, ...]]) -> st.SearchStrategy[Policy]:
    """Policies with these roles, which are the only ones that they may ask for."""
    names = [*roles]
    asked = st.dictionaries(st.sampled_from(names), st.integers(1, 3), max_size=2) if names else st.just({})
    approvals = asked.map(lambda counts: tuple(Approvals(role=role, count=counts[role]) for role in sorted(counts)))
    counts = st.integers(1, 3) | st.just(QUORUM)
    agreements = st.dictionaries(st.sampled_from(names), counts, max_size=2) if names else st.just({})
    environments = st.lists(_environments(approvals), max_size=2, unique_by=lambda each: each.name)
    return st.builds(
        Policy,
        roles=st.just(tuple(Role(name=name, may=may) for name, may in roles.items())),
        environments=environments.map(lambda listed: tuple(sorted(listed, key=lambda each: each.name))),
        amendment=agreements.filter(lambda found: [*found.values()].count(QUORUM) < 2).map(
            lambda counts: tuple(Agreement(role=role, count=counts[role]) for role in sorted(counts))
        ),
        hold_roles=_subsets(names),
        record_refusals=_subsets(["deployment.changed", "policy.amended", "yet.unknown"]),
    )


def _environments(approvals: st.SearchStrategy[tuple[Approvals, ...]]) -> st.SearchStrategy[Environment]:
    terms = st.builds(
        DataTerms,
        licences=_subsets(["CC-BY-4.0", "CC0-1.0", "MIT"]),
        purposes=_subsets(["ads", "credit/scoring"]),
        allow_unknown_ancestry=st.booleans(),
    )
    threshold = st.builds(
        Threshold,
        metric=identifiers,
        comparator=st.sampled_from(["eq", "ge", "gt", "le", "lt"]),
        threshold=st.sampled_from(["0", "0.90", "-1e-3", "1e400"]),
        dataset_role=st.sampled_from(["test", "training", "validation"]),
    )
    thresholds = st.lists(threshold, max_size=2, unique_by=Threshold.order)
    return st.builds(
        Environment,
        name=segments,
        approvals=approvals,
        separation=_subsets(["deployer", "evaluator", "registrar", "trainer"]),
        evaluations=thresholds.map(lambda listed: tuple(sorted(listed, key=Threshold.order))),
        data=st.just(UNSET) | terms,
        max_approval_age_days=st.just(UNSET) | st.integers(1, 400),
    )


def _subsets(names: list[str]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Any of these, sorted."""
    if not names:
        return st.just(())
    return st.lists(st.sampled_from(names), unique=True, max_size=2).map(lambda chosen: tuple(sorted(chosen)))


def events(
    *, ledger: str | None = None, actor: str | None = None, types: Iterable[type[Event]] | None = None
) -> st.SearchStrategy[Event]:
    """Any valid event; of one ledger, by one actor, of some types where they are given."""
    fixed: dict[str, Any] = {}
    if ledger is not None:
        fixed["ledger"] = ledger
    if actor is not None:
        fixed["actor"] = actor
    chosen = tuple(vocabulary.TYPES.values()) if types is None else tuple(types)

    def finish(event: Event) -> Event:
        return _finish(msgspec.structs.replace(event, **fixed)) if fixed else event

    return st.sampled_from(chosen).flatmap(structs).map(finish)


@functools.cache
def structs(type_: type[S]) -> st.SearchStrategy[S]:
    """Any valid value of a struct of the vocabulary."""
    if type_ is Policy:
        return policies()  # type: ignore[return-value]
    fields = [(field.name, field.required, _values(field.type, field.encode_name)) for field in fields_of(type_)]

    @st.composite
    def draw_fields(draw: st.DrawFn) -> S:
        drawn = {name: draw(values) for name, required, values in fields if required or draw(_OFTEN)}
        return _finish(type_(**drawn))

    return draw_fields()


def _values(type_: Type, field: str) -> st.SearchStrategy[Any]:
    return st.one_of([_value(each, field) for each in parts_of(type_)])


def _value(type_: Type, field: str) -> st.SearchStrategy[Any]:
    if isinstance(type_, StrType):
        return shares if field in _NUMBERS else TEXTS[describe(type_)]
    if isinstance(type_, LiteralType):
        return st.sampled_from(type_.values)
    if isinstance(type_, IntType):
        return st.integers(-MAX_INTEGER if type_.ge is None else max(type_.ge, -MAX_INTEGER), MAX_INTEGER)
    if isinstance(type_, BoolType):
        return st.booleans()
    if isinstance(type_, VarTupleType):
        elements = _values(type_.item_type, field)
        return st.lists(elements, min_size=1, max_size=3, unique_by=_place).map(tuple)
    assert isinstance(type_, StructType), type_
    return structs(type_.cls)


def _place(item: Any) -> str:
    """What an element is sorted by; no two of a set share it."""
    return str(item.key if isinstance(item, KeyProof) else item if isinstance(item, str | tuple) else item.order())


def _finish(value: S) -> S:
    """Mend what the types cannot say, then sort arrays and drop elements that share their place in the order."""
    mend = _MENDERS.get(type(value))
    changes = mend(value) if mend else {}
    for field, items in zip(value.__struct_fields__, msgspec.structs.astuple(value), strict=True):
        if isinstance(items, tuple) and items and not isinstance(items[0], str | tuple):
            kept = {_place(item): item for item in items}
            changes.setdefault(field, tuple(kept.values()))
    return vocabulary.arrange(msgspec.structs.replace(value, **changes) if changes else value)


def _one_of(value: Any, *forms: tuple[str, ...]) -> dict[str, Any]:
    """Leave the first form of which every field was drawn, else give the first one a digest."""
    every = {field for form in forms for field in form}
    for form in forms:
        if all(getattr(value, field) is not UNSET for field in form):
            return dict.fromkeys(every - set(form), UNSET)
    return dict.fromkeys(every, UNSET) | {forms[0][0]: hashlib.sha256(b"one").hexdigest()}


def _mend_key(value: Any) -> dict[str, Any]:
    added, other = value.change in ("add", "rotate"), hashlib.sha256(value.key.encode()).hexdigest()
    return {
        "proof": base64.b64encode(b"s" * 64).decode() if added else UNSET,
        "replaces": other if value.change == "rotate" else UNSET,
        "from_index": 7 if value.change == "compromise" else UNSET,
        "expires_at": value.expires_at if added else UNSET,
    }


def _mend_member(value: Any) -> dict[str, Any]:
    votes, cosigns, publishes = (hashlib.sha256(f"{value.member} {n}".encode()).hexdigest() for n in range(3))
    rotates_one = value.change == "rotate" and value.cosigner_key is UNSET
    return {
        "validator_key": votes if value.change in ("admit", "rotate") else UNSET,
        "cosigner_key": cosigns if value.change in ("admit", "rotate") and not rotates_one else UNSET,
        "publisher_key": publishes if value.change == "publish" else UNSET,
    }


def _mend_period(value: Any) -> dict[str, Any]:
    start, end = sorted([value.period_start_at, value.period_end_at])
    return {"period_start_at": start, "period_end_at": end}


_MENDERS: Mapping[type[msgspec.Struct], Callable[[Any], dict[str, Any]]] = MappingProxyType(
    {
        vocabulary.Citation: lambda value: _one_of(value, ("blob",), ("event",), ("data",), ("version",)),
        vocabulary.ApprovalSubject: lambda value: _one_of(
            value, ("policy",), ("version", "environment"), ("member", "terms"), ("protocol",)
        ),
        vocabulary.ParameterOwner: lambda value: _one_of(value, ("version",), ("environment", "name")),
        vocabulary.ApprovalDecided: lambda value: {"revokes": value.event_id if value.decision == "revoke" else UNSET},
        vocabulary.ParameterChanged: lambda value: {"new": value.new if value.new is not UNSET or value.old is not UNSET else 1},
        vocabulary.DatasetTransformed: lambda value: {
            "outputs": tuple(hashlib.sha256(each.encode()).hexdigest() for each in value.outputs)
        },
        vocabulary.ModelRegistered: lambda value: {
            "data": value.data if value.run is UNSET else (),
            "parents": tuple(each for each in value.parents if each != value.version),
        },
        vocabulary.ActorEnrolled: lambda value: {"responsible": () if value.kind == "person" else value.responsible},
        vocabulary.KeyChanged: _mend_key,
        vocabulary.MemberChanged: _mend_member,
        vocabulary.OwnershipOffered: lambda value: {"to": value.to + "x"} if value.to == value.from_ else {},
        vocabulary.ChangeClassified: lambda value: {"from_": UNSET} if value.to == value.from_ else {},
        vocabulary.OperationLogged: _mend_period,
        vocabulary.MonitoringReported: _mend_period,
    }
)
