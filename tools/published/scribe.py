"""How the story begins, and who writes it down: the genesis, the files that it is about, and the pen.

scribe = Scribe(found())
scribe.write("loans", "dataset.registered", name="loans", ...)      # kept under the label "loans"
scribe.end_block()
scribe.index("loans")                                               # its entry
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import msgspec

from muniment.core.format import manifest, statement
from muniment.core.format.manifest import Line, Manifest
from muniment.core.rules import events, genesis
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import Agreement, Approvals, DataTerms, Environment, Policy, Role, Threshold
from muniment.ledger.signers import SeedSigner
from published import cast
from published.book import Book
from published.cast import Json, digest

MACHINE = ("attempt.refused", "deployment.observed", "evaluation.completed", "operation.logged", "training.finished")
DATA = manifest.build([Line("2026/loans.csv", digest("loans, January"), 48_213), Line("readme.md", digest("about loans"), 1_071)])
FILES = manifest.build([Line("config.json", digest("configuration"), 812), Line("model.safetensors", digest("weights"), 9_000)])
OTHER_FILES = manifest.build([Line("config.json", digest("another"), 812), Line("model.safetensors", digest("weights"), 9_000)])
LOANS, CLEAN, LOANS_2 = manifest.root(DATA).hex(), digest("loans, cleaned"), digest("loans, February")
PLACE = {"environment": "production", "name": "credit-risk"}
V1, V2 = manifest.root(FILES).hex(), digest("credit-risk, second version")


@dataclass(slots=True)
class Scribe:
    """Writes events for one ledger, each under a label; keeps what is sealed so that it can be opened."""

    book: Book
    labels: dict[str, str] = field(default_factory=dict)
    opened: dict[str, statement.Disclosure] = field(default_factory=dict)
    waiting: list[bytes] = field(default_factory=list)

    def write(self, label: str, name: str, /, *, actor: str = "ada", by: str = "", **fields: object) -> bytes:
        """Sign an event as the next entry of the block that is being written."""
        raw = self.sign(label, name, actor=actor, by=by, **fields)
        self.waiting.append(raw)
        return raw

    def sign(self, label: str, name: str, /, *, actor: str = "ada", by: str = "", **fields: object) -> bytes:
        """Sign an event."""
        number = len(self.labels) + 1
        self.labels[label] = cast.event_id(number)
        common: Json = {
            "ledger": self.book.ledger,
            "eventId": self.labels[label],
            "occurredAt": cast.moment(len(self.book.pages), -number),
            "actor": actor,
        }
        return cast.sign(events.build(name, common | fields), by or actor)  # type: ignore[arg-type]

    def seal_text(self, text: str) -> Json:
        """A sealed field."""
        sealed = statement.seal(text, cast.salt(text))
        self.opened[sealed.sealed] = statement.disclose(text, cast.salt(text))
        return {"sealed": sealed.sealed}

    def id(self, label: str) -> str:
        """The id of an event that was written."""
        return self.labels[label]

    def index(self, label: str) -> int:
        """The entry of an event that was sealed."""
        return self.book.known_ids[self.labels[label]]

    def end_block(self) -> None:
        """Seal what was written."""
        self.book.seal(cast.moment(len(self.book.pages)), self.waiting)
        self.waiting.clear()


def found() -> Book:
    """The genesis: two persons, a machine that one of them answers for, and their organisation."""
    return Book.found(founding(), cast.moment(0))


def founding() -> Genesis:
    """Who and what is there from the beginning."""
    person = functools.partial(_founder, kind="person", organisation="acme")
    return Genesis(
        origin=cast.ORIGIN,
        actors=(
            Founder(id="acme", kind="organisation", keys=()),
            person("ada", ("owner",)),
            person("bob", ("approver",)),
            _founder("node", ("machine",), kind="service", organisation="acme", responsible=("ada",)),
        ),
        policy=rules("first"),
    )


def _founder(name: str, roles: tuple[str, ...], **fields: object) -> Founder:
    proof = genesis.prove_key(cast.ORIGIN, name, cast.KEYS[name])
    return Founder(id=name, keys=(proof,), roles=roles, **fields)  # type: ignore[arg-type]


def rules(which: str) -> Policy:
    """The first policy; the second, which lets the approver write notes as well; or the third, which asks for more persons."""
    approver = ["approval.decided", "incident.closed", "incident.recorded", "waiver.granted"]
    approver += [] if which == "first" else ["note.added"]
    third = which == "third"
    production = Environment(
        name="production",
        approvals=(Approvals(role="approver", count=1),),
        separation=("deployer", "registrar"),
        evaluations=(Threshold(metric="auc", comparator="ge", threshold="0.9", dataset_role="test"),),
        data=DataTerms(licences=("Apache-2.0", "CC-BY-4.0"), purposes=("credit-scoring",)),
        max_approval_age_days=90,
    )
    staging = Environment(
        name="staging",
        approvals=(Approvals(role="approver", count=2), Approvals(role="risk", count=1)) if third else (),
        separation=("deployer", "evaluator", "registrar", "trainer") if third else (),
    )
    lab = Environment(name="lab", approvals=(Approvals(role="approver", count=1),), separation=("trainer",))
    return Policy(
        roles=(
            Role(name="approver", may=tuple(sorted(approver))),
            Role(name="machine", may=MACHINE),
            Role(name="owner", may=("*",)),
            Role(name="reader"),
            Role(name="risk", may=tuple(sorted([*approver, "dataset.withdrawn"]))),
        ),
        environments=(lab, production, staging) if third else (production, staging),
        amendment=(Agreement(role="approver", count=2 if third else 1),),
        hold_roles=("risk",) if third else ("approver",),
        record_refusals=("deployment.changed",),
    )


def prove(name: str, actor: str) -> str:
    """The proof of a key for an actor of this ledger."""
    return genesis.prove_key(cast.ORIGIN, actor, cast.KEYS[name]).proof


def public(name: str) -> str:
    """The public key with a name, hex."""
    signer: SeedSigner = cast.KEYS[name]
    return signer.public_key.hex()


class Listed(msgspec.Struct, frozen=True):
    """An event of the ledger with its index."""

    index: int
    event: events.Event

    @property
    def event_name(self) -> str:
        """Such as `model.registered`."""
        return self.event.NAME


def list_events(book: Book) -> list[Listed]:
    """Every event of a ledger."""
    numbered = enumerate(book.raw_entries)
    return [Listed(index, events.decode(book.event(index))) for index, raw in numbered if raw.startswith(b'{"payload"')]


def describe_files() -> dict[str, Manifest]:
    """The manifests that the story is about, by name."""
    return {"loans": DATA, "credit-risk": FILES, "credit-risk, one file changed": OTHER_FILES}
