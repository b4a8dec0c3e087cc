"""The folder that holds a ledger and what belongs to it: `.muniment/` beside the work it records.

ledger.db       the ledger (ledger.store)          vault.jsonl     disclosures of sealed prose
keys/           log.key, actors/<id>.key           manifests/      of data sets and models, by root
trust.toml      whom we believe                    blobs/          run logs and other evidence, by digest
spool/          what the ledger still has to take  index.db        the read model; delete it and it comes back
node/           of a member of a consortium: its node, which alone writes to the ledger (node.places)
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client import policy_file
from muniment.core.format import keys
from muniment.core.format.encoding import Segment
from muniment.core.proof import trust
from muniment.core.proof.trust import Trust
from muniment.core.rules import genesis
from muniment.core.rules.genesis import Founder, Genesis, Origin
from muniment.core.rules.policy import Policy
from muniment.errors import InvalidInput, NotFound, Unavailable
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded
from muniment.ledger.refusals import NODE, Refusals
from muniment.ledger.signers import FileSigner
from muniment.ledger.spool import Spool
from muniment.ledger.store.connection import CACHE_KIB
from muniment.ledger.store.file import Store

OWNER = "owner"

_not_a_name = re.compile(r"[^A-Za-z0-9._-]+")


class Home(msgspec.Struct, frozen=True):
    """Where everything of one ledger lies."""

    folder: Path

    @property
    def store(self) -> Path:
        """The ledger's one file."""
        return self.folder / "ledger.db"

    @property
    def trust(self) -> Path:
        """The trust file."""
        return self.folder / "trust.toml"

    @property
    def vault(self) -> Path:
        """The disclosures."""
        return self.folder / "vault.jsonl"

    @property
    def blobs(self) -> Path:
        """The evidence, by digest."""
        return self.folder / "blobs"

    @property
    def manifests(self) -> Path:
        """The manifests of data sets and models, by root."""
        return self.folder / "manifests"

    @property
    def index(self) -> Path:
        """The read model."""
        return self.folder / "index.db"

    @property
    def spool(self) -> Path:
        """What the ledger still has to take."""
        return self.folder / "spool"

    @property
    def log_key(self) -> Path:
        """The key that signs checkpoints."""
        return self.folder / "keys" / "log.key"

    def actor_key(self, actor: str) -> Path:
        """The key of one actor."""
        return self.folder / "keys" / "actors" / f"{actor}.key"

    def next_key(self, actor: str) -> Path:
        """The key that takes the place of an actor's key, while the ledger is being told."""
        return self.actor_key(actor).with_suffix(".key-next")

    def ended_key(self, actor: str, public_key: bytes) -> Path:
        """Where an actor's earlier key is kept: nothing new is signed with it."""
        return self.actor_key(actor).with_suffix(f".key-ended-{public_key.hex()[:8]}")

    def make_next_key(self, actor: str, key_purpose: str) -> FileSigner:
        """The key that is to take the place of an actor's: the one that an interrupted change left, else a new one."""
        path = self.next_key(actor)
        return signers.load_file(path) if path.exists() else signers.create_file(path, key_purpose)

    def take_next_key(self, actor: str, key_purpose: str) -> FileSigner:
        """Put the next key in the place of an actor's key, whose file is kept beside it."""
        path, signer = self.actor_key(actor), self.make_next_key(actor, key_purpose)
        # The old key gets its second name before it loses the first one, so that a crash between leaves a key in each place.
        with suppress(FileExistsError):
            os.link(path, self.ended_key(actor, signers.load_file(path).public_key))
        os.replace(self.next_key(actor), path)
        return signer

    @property
    def is_node(self) -> bool:
        """Does the ledger belong to a consortium, so that nobody but the node here writes to its file?"""
        return (self.folder / "node" / "consortium.json").exists()

    def actors(self) -> list[str]:
        """The actors whose keys lie here, apart from the services of the ledger and of a node."""
        folder = self.folder / "keys" / "actors"
        found = sorted(path.stem for path in folder.glob("*.key")) if folder.is_dir() else []
        joined = (self.folder / "node").is_dir()
        return [each for each in found if each != NODE and not (joined and each.endswith(f"-{NODE}"))]

    def load_trust(self, path: Path | None = None) -> Trust:
        """Whom we believe about this ledger, by its own trust file or another one. Raises NotFound, InvalidInput."""
        path = path or self.trust
        try:
            return trust.parse(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"there is no trust file at {path}", code="no-trust", hint="Ask the ledger's owner for it.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path} cannot be read: {error}", code="bad-trust", hint="Ask the ledger's owner for it.") from None

    def open(self, *, accept_clock: bool = False, cache_kib: int = CACHE_KIB) -> Embedded:
        """The embedded engine over this ledger; a writer where the log's key lies here, else a reader.

        Where the service's key lies beside it, refused events are recorded as the policy asks. In the home of a node of a
        consortium it is a reader always, whichever keys lie there: the members decide what becomes an entry.
        """
        store = Store.open(self.store, cache_kib)
        # Also without its node: in a ledger that has members, the log's key alone seals nothing that anybody would believe.
        if self.is_node or store.validators is not None:
            return Embedded(store, None, closed=_written_through_its_node)
        if not self.log_key.exists():
            return Embedded(store, None)
        node = self.actor_key(NODE)
        refusals = Refusals(signers.load_file(node), Spool(self.spool)) if node.exists() else None
        return Embedded(store, signers.load_file(self.log_key), accept_clock=accept_clock, refusals=refusals)


def found(
    folder: Path,
    *,
    origin: str | None = None,
    actor: str | None = None,
    policy: Policy | None = None,
    founder: Sequence[str] = (OWNER,),
) -> Home:
    """Make a new ledger in `folder`: three keys (the ledger's, its service's, a person's), a genesis and a trust file.

    Without an origin or an actor random names are drawn: an origin that nobody else uses, and a pseudonym, because what is
    written in a ledger stays. Without a policy it is the ready one `solo`; `founder` are the person's roles in it.
    Raises InvalidInput for names that are none, for a policy that cannot begin, and where something is already there.
    """
    _require_empty(folder)
    policy = policy or policy_file.load(policy_file.DEFAULT).policy
    check_founding(policy, founder)
    origin = origin or f"local/{_name_of_project(folder)}-{os.urandom(4).hex()}"
    actor = actor or f"person-{os.urandom(3).hex()}"
    check_origin(origin)
    check_new_actor(actor)
    with _made_whole(folder) as home:
        log = signers.create_file(home.log_key, purpose("the ledger", origin))
        node = signers.create_file(home.actor_key(NODE), purpose(NODE, origin))
        person = signers.create_file(home.actor_key(actor), purpose(actor, origin))
        founders = [
            Founder(id=actor, kind="person", keys=(genesis.prove_key(origin, actor, person),), roles=tuple(sorted(founder))),
            Founder(id=NODE, kind="service", keys=(genesis.prove_key(origin, NODE, node),), responsible=(actor,), roles=(NODE,)),
        ]
        founding = Genesis(origin=origin, actors=tuple(sorted(founders, key=lambda each: each.id)), policy=policy)
        genesis.decode(genesis.encode(founding))
        engine = Embedded.create(home.store, founding, log)
        text = trust.format(Trust(origin, engine.ledger, (keys.derive(origin, log.public_key),)))
        engine.close()
        disk.replace(home.trust, text.encode())
        # Keys and sealed prose must not slip into somebody's repository.
        disk.replace(home.folder / ".gitignore", b"*\n")
    return Home(folder)


def purpose(actor: str, origin: str) -> str:
    """What is written into a key file about its use."""
    return f"{actor} of {origin}"[: signers.MAX_PURPOSE_CHARACTERS]


def check_origin(origin: str) -> None:
    """Check that a text can be a ledger's origin. Raises InvalidInput (`bad-origin`)."""
    try:
        msgspec.convert(origin, Origin)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{origin[:128]!r} is no origin",
            code="bad-origin",
            hint="Write <organisation-or-host>/<name>, such as example.com/credit: no scheme, the first part in lower case.",
        ) from None


def check_new_actor(actor: str) -> None:
    """Check that a text can name somebody other than the ledger's own service. Raises InvalidInput (`bad-actor`)."""
    check_actor(actor)
    if actor == NODE:
        raise InvalidInput(f"{NODE} is the name of the ledger's own service", code="bad-actor", hint="Choose another --actor.")


def check_actor(actor: str) -> None:
    """Check that a text can name an actor. Raises InvalidInput (`bad-actor`)."""
    try:
        msgspec.convert(actor, Segment)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{actor[:128]!r} cannot name an actor",
            code="bad-actor",
            hint="Use a pseudonym of letters, digits, dots, dashes and underscores; what is written in a ledger stays.",
        ) from None


def check_founding(policy: Policy, founder: Sequence[str]) -> None:
    """Check that a ledger can begin with a policy and these roles of its founder.

    Raises InvalidInput (`no-founder`, `no-such-role`, `no-service-role`).
    """
    known = [role.name for role in policy.roles]
    if not founder:
        raise InvalidInput(
            "the policy does not say which roles the founder of a ledger gets",
            code="no-founder",
            hint=f'Write a line like founder = ["admin"] above its first table; its roles are {", ".join(known)}.',
        )
    if unknown := [role for role in founder if role not in known]:
        raise InvalidInput(
            f"the policy has no role {unknown[0]!r} for the founder",
            code="no-such-role",
            hint=f"Its roles are {', '.join(known)}.",
        )
    if NODE not in known:
        raise InvalidInput(
            f"the policy has no role {NODE}, which the ledger's own service holds",
            code="no-service-role",
            hint=f'Add under [roles]: {NODE} = ["attempt.refused", "deployment.observed", "disclosure.made"].',
        )


def _written_through_its_node() -> Unavailable:
    return Unavailable(
        "this ledger is a consortium's: its members decide together what becomes an entry",
        code="written-through-its-node",
        hint="Set MUNIMENT_URL to the address of its node. What is signed here the node sends by itself, once it runs.",
    )


def _name_of_project(folder: Path) -> str:
    return _not_a_name.sub("-", folder.resolve().parent.name).strip("-._")[:64] or "ledger"


def _require_empty(folder: Path) -> None:
    if Home(folder).store.exists():
        raise InvalidInput(
            f"{folder} already holds a ledger", code="already-a-ledger", hint="Use it, or choose another folder with --home."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} holds something else already", code="not-empty", hint="Choose another folder with --home.")


@contextmanager
def _made_whole(folder: Path) -> Iterator[Home]:
    """Make a folder beside its place and move it there once all is in it: a crash leaves no half of a ledger."""
    draft = disk.name_beside(folder)
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield Home(draft)
        # An empty folder may be in its place; anything else that came meanwhile is an error.
        os.rename(draft, folder)
        disk.sync(folder.parent)
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be made: {error.strerror}", code="home-unwritable", hint="Choose another folder with --home."
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
