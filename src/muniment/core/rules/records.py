"""What the state map says about each kind of stream (docs/spec, section 7).

A record is `{count, first, head, last, state}`; these structs are its `state`. Fields are declared in the order of their
JSON names, so that the plain encoder already writes canonical bytes. Indices are entry indices; absent means not (yet).
"""

from __future__ import annotations

import msgspec

from muniment.core.format import layout
from muniment.core.format.decimal import Comparator
from muniment.core.rules.events.value import SealedText
from muniment.core.rules.members import Publisher

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET

MAX_SET_BYTES = 3_200
"""What the sets of one state take at most. The other fields of every state, and count, first, head and last, fit into the rest of
4,096 bytes, so that a hold, a withdrawal or a revocation finds room in any record."""


class State(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The base of every state: the empty object, for streams that only count."""

    def set_bytes(self) -> int:
        """What the sets of this state take: the length of each element's text, and the bytes around it."""
        return sum(_bytes_of(each) for field in msgspec.structs.astuple(self) if isinstance(field, tuple) for each in field)


def _bytes_of(element: str | Rejections) -> int:
    """A text with its quotes and its comma; an object with what its other fields take at most."""
    return len(element) + 3 if isinstance(element, str) else len(element.environment) + 48


class Actor(State, frozen=True, kw_only=True):
    """`actor/<id>`"""

    kind: str
    organisation: str | Absent = UNSET
    responsible: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    status: str = "active"

    def persons(self, actor: str) -> tuple[str, ...]:
        """Who answers for what this actor does: the person itself, or the persons that a service stands for."""
        return (actor,) if self.kind == "person" else self.responsible


class Key(State, frozen=True, kw_only=True):
    """`key/<keyid>`: usable from entry `since` until entry `until`; `disputedFrom` marks a compromise."""

    actor: str
    claims: str | Absent = UNSET
    disputed_from: int | Absent = UNSET
    expires: str | Absent = UNSET
    since: int
    until: int | Absent = UNSET

    def disputes(self, index: int) -> bool:
        """Is what this key signed at an entry disputed by now?"""
        return self.disputed_from is not UNSET and self.disputed_from <= index


class PolicyInForce(State, frozen=True, kw_only=True):
    """`policy`: the digest and the entry that carries it."""

    digest: str
    index: int


class Protocol(State, frozen=True, kw_only=True):
    """`protocol`"""

    number: int


class Dataset(State, frozen=True, kw_only=True):
    """`dataset/<name>`: how many versions of this name, and the newest."""

    count: int
    latest: str


class Data(State, frozen=True, kw_only=True):
    """`data/<sha256>`: `made` is the entry of its one producer."""

    licence: str | Absent = UNSET
    made: int | Absent = UNSET
    name: str
    ordinal: int
    personal_data: str | Absent = UNSET
    purposes: tuple[str, ...] = ()
    withdrawn: int | Absent = UNSET


class Run(State, frozen=True, kw_only=True):
    """`run/<eventId of its start>`: `persons` answered for its start or its end."""

    finish: int | Absent = UNSET
    model: str | Absent = UNSET
    persons: tuple[str, ...] = ()
    start: int
    status: str


class Model(State, frozen=True, kw_only=True):
    """`model/<name>`: `offer` is the open offer, by its event id, to `offeredTo`; nobody owns it before its first version."""

    count: int
    latest: str | Absent = UNSET
    offer: str | Absent = UNSET
    offered_to: str | Absent = UNSET
    owner: str | Absent = UNSET


class Rejections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rejections of a version for an environment are open: at least one."""

    count: int
    environment: str


class Version(State, frozen=True, kw_only=True):
    """`version/<sha256>`: `holds` counts open incidents that hold it, `running` the deployments that serve it.

    `admitted` are the environments whose requirements it once met without a waiver, `rejected` counts the open rejections of each
    environment; `persons` answered for the registration.
    """

    admitted: tuple[str, ...] = ()
    holds: int = 0
    made: int
    model: str
    ordinal: int
    persons: tuple[str, ...] = ()
    rejected: tuple[Rejections, ...] = ()
    run: str | Absent = UNSET
    running: int = 0
    status: str

    def count_rejections(self, environment: str) -> int:
        """How many rejections for an environment are open."""
        return next((each.count for each in self.rejected if each.environment == environment), 0)

    def reject(self, environment: str, change: int) -> Version:
        """The same with one open rejection more or less."""
        counts = {each.environment: each.count for each in self.rejected}
        counts[environment] = counts.get(environment, 0) + change
        rejected = tuple(Rejections(count=counts[each], environment=each) for each in sorted(counts) if counts[each])
        return msgspec.structs.replace(self, rejected=rejected)


class Plan(State, frozen=True, kw_only=True):
    """`plan/<eventId>`: `sliced` where it names slices, which its event lists."""

    comparator: Comparator
    data: str | Absent = UNSET
    dataset_role: str | Absent = UNSET
    index: int
    metric: str
    model: str
    sliced: bool = False
    threshold: str


class Evaluation(State, frozen=True, kw_only=True):
    """`evaluation/<eventId>`: `passed` by arithmetic against its plan; absent without one."""

    index: int
    passed: bool | Absent = UNSET
    persons: tuple[str, ...] = ()
    plan: str | Absent = UNSET
    version: str


class Approval(State, frozen=True, kw_only=True):
    """`approval/<eventId>`: organisation, roles and persons as they were at admission."""

    decision: str
    environment: str | Absent = UNSET
    expires: str | Absent = UNSET
    index: int
    keyid: str
    of: str
    organisation: str | Absent = UNSET
    persons: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    status: str
    time: str


class Waiver(State, frozen=True, kw_only=True):
    """`waiver/<eventId>`: who granted it, with which key, as of its admission."""

    environment: str
    expires: str
    index: int
    keyid: str
    persons: tuple[str, ...] = ()
    rule: str
    version: str


class Incident(State, frozen=True, kw_only=True):
    """`incident/<eventId>`"""

    hold: bool = False
    status: str
    version: str


class Deployment(State, frozen=True, kw_only=True):
    """`deployment/<environment>/<name>`: what serves there, since which entry."""

    ordinal: int
    since: int
    status: str
    transition: str
    version: str


class Parameter(State, frozen=True, kw_only=True):
    """`parameter/<of>/<sha256>`: the recorded value (sealed text stays sealed), absent where it was unset."""

    index: int
    value: int | bool | str | SealedText | Absent = UNSET


class Amendment(State, frozen=True, kw_only=True):
    """`amendment/<eventId of the target>`"""

    preserved: bool = False
    redacted: bool = False


class Consortium(State, frozen=True, kw_only=True):
    """`members`: the organisations in force, and who publishes."""

    active: tuple[str, ...]
    publisher: Publisher | Absent = UNSET


class Membership(State, frozen=True, kw_only=True):
    """`member/<organisation>`: `index` is the entry that last changed it, `faults` counts proofs that it signed twice."""

    cosigner: str
    faults: int = 0
    index: int
    key: str
    status: str


class ValidatorKey(State, frozen=True, kw_only=True):
    """`validator/<address>`: whose validator has this key, or once had it."""

    key: str
    member: str


class CosignerKey(State, frozen=True, kw_only=True):
    """`cosigner/<key>`: who cosigns with this key, or once did."""

    member: str


class Link(State, frozen=True, kw_only=True):
    """`link/<ledger id>`"""

    genesis: str
    trust: str


NONE = State()

layout.settle(globals().values())
