"""What an attack is, where it takes place, and how it is noticed: by the same checks that anybody has at hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from muniment.cli.demo.asking import Answers
from muniment.cli.demo.place import BEN, Place
from muniment.cli.demo.story import Life
from muniment.client.home import Home
from muniment.client.opening import connect
from muniment.client.writing import refusal
from muniment.core.format import dsse, time
from muniment.core.format.encoding import Value
from muniment.core.format.keys import Signer
from muniment.core.proof import evidence
from muniment.core.proof.trust import Trust
from muniment.core.rules import events
from muniment.errors import MunimentError
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.ids import new_event_id
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What noticed an attack, its own words and its code; `evidence` is a file that shows it to others, where there is one."""

    by: str
    message: str
    code: str
    evidence: str = ""


class Scene(msgspec.Struct, frozen=True):
    """What attackers find: the ledger, what people remember of it, and the proofs that were handed out."""

    place: Place
    life: Life
    answers: Answers
    trust: Trust

    def copy(self, folder: Path) -> Home:
        """A copy of the ledger in a folder of its own, without any private key."""
        folder.mkdir()
        target = Home(folder)
        shutil.copyfile(self.place.home.store, target.store)
        shutil.copyfile(self.place.home.trust, target.trust)
        return target


class Attack(msgspec.Struct, frozen=True):
    """An attack: its name, what is tried in plain words, and the trial in a folder that does not exist yet.

    `run` returns what noticed it, or None where nothing did. `lesson` says what that shows, where the check's own words do not.
    """

    name: str
    tried: str
    run: Callable[[Scene, Path], Caught | None]
    lesson: str = ""


def check_file(scene: Scene, home: Home) -> Caught | None:
    """Let `muniment fsck` look at a file."""
    report = fsck(home.store, scene.trust.log_keys[0])
    return next((Caught(by="fsck", message=each.message, code=each.code) for each in report.findings), None)


def check_client(scene: Scene, home: Home) -> Caught | None:
    """Let Ben open a ledger, with what his client remembers from before."""
    state = home.folder / "client"
    shutil.copytree(scene.place.client(BEN), state)
    settings = msgspec.structs.replace(scene.place.settings(BEN), home=home.folder, state=state)
    try:
        connect(settings).close()
    except MunimentError as error:
        return Caught(by="Ben's client", message=str(error), code=error.code, evidence=str(error.details.get("evidence", "")))
    return None


def submit(scene: Scene, home: Home, raw: bytes) -> Caught | None:
    """Hand a signed event to a ledger that may write, as any writer would."""
    engine = Embedded(Store.open(home.store), signers.load_file(scene.place.home.log_key))
    try:
        (verdict,) = engine.append([raw])
    finally:
        engine.close()
    if verdict.decision != "refused":
        return None
    said = " ".join(f"{reason.required} {reason.found}" for reason in verdict.reasons)
    return Caught(by="the ledger", message=said, code=refusal(verdict).code)


def sign(signer: Signer, ledger: str, actor: str, name: str, fields: Mapping[str, Value]) -> bytes:
    """An event as an attacker makes one: any key, any name."""
    common: dict[str, Value] = {
        "ledger": ledger,
        "eventId": new_event_id(),
        "occurredAt": time.format(system_clock()),
        "actor": actor,
    }
    return dsse.encode(dsse.sign(events.encode(events.build(name, {**common, **fields})), signer))


def check_evidence(scene: Scene, path: Path) -> str:
    """Let a third person look at an evidence file, with nothing but that and the trust file. Raises VerificationError."""
    return evidence.verify_evidence(evidence.decode(path.read_bytes()), scene.trust)


def check_proof(verify: Callable[[], object]) -> Caught | None:
    """Let somebody verify a proof."""
    try:
        verify()
    except MunimentError as error:
        return Caught(by="the verifier", message=str(error), code=error.code)
    return None
