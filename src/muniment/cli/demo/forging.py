"""Attacks on what leaves the ledger: the files of a model, signatures, and proofs."""

from __future__ import annotations

import shutil
import time as clocks
from pathlib import Path

import msgspec

from muniment.cli.demo.attack import Attack, Caught, Scene, check_proof, sign, submit
from muniment.cli.demo.place import ADA, BEN
from muniment.cli.demo.release import MODEL, PRODUCTION
from muniment.client import capturing, key_request, opening
from muniment.client.home import Home
from muniment.core.format import time
from muniment.core.format.encoding import Value
from muniment.core.proof import answer as answers
from muniment.core.proof.verify import verify_answer, verify_receipt
from muniment.errors import InvariantError
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock

MAX_AGE_S = 1


def swap_model_file(scene: Scene, folder: Path) -> Caught | None:
    """Version 2's weights in the folder of version 1."""
    models = scene.place.models
    shutil.copytree(models / "1", folder)
    shutil.copyfile(models / "2" / "model.joblib", folder / "model.joblib")
    found = capturing.read(folder).manifest
    return check_proof(lambda: verify_answer(scene.answers.released.raw, scene.trust, subject=found))


def replay_from_elsewhere(scene: Scene, folder: Path) -> Caught | None:
    """Ben's genuine signature, given in another ledger."""
    home = scene.copy(folder)
    ben = signers.load_file(scene.place.home.actor_key(BEN))
    practice = Home(folder / "practice")
    as_ada = msgspec.structs.replace(scene.place.settings(ADA), home=practice.folder, state=folder / "practice-client")
    with opening.found(as_ada) as ledger:
        request = key_request.make(ledger.origin, BEN, "person", ben)
        ledger.keys.admit(request, roles=["approver"])
        version = ledger.register(MODEL, scene.place.models / "2")
    shutil.copy(ben.path, practice.actor_key(BEN))
    with opening.connect(msgspec.structs.replace(as_ada, actor=BEN)) as ledger:
        approval = ledger.approve(version, PRODUCTION, reason="For practice.")
        with ledger.view() as view:
            raw = view.entry(approval.index)
    return submit(scene, home, raw)


def sign_for_another(scene: Scene, folder: Path) -> Caught | None:
    """Ada's key, Ben's name."""
    home = scene.copy(folder)
    ada = signers.load_file(scene.place.home.actor_key(ADA))
    return submit(scene, home, sign(ada, scene.life.ledger, BEN, "approval.decided", _approval(scene.life.second.version.digest)))


def forge_state(scene: Scene, folder: Path) -> Caught | None:
    """A hold that an answer shows becomes none."""
    folder.mkdir()
    genuine = scene.answers.hold.raw
    forged = genuine.replace(b'"holds":1', b'"holds":0')
    if forged == genuine:
        raise InvariantError("the answer shows no hold")
    (folder / "answer.json").write_bytes(forged)
    return check_proof(lambda: verify_answer(forged, scene.trust))


def hide_event(scene: Scene, folder: Path) -> Caught | None:
    """A complete history, all but the deployment of version 2."""
    folder.mkdir()
    answer = answers.decode(scene.answers.history.raw)
    hidden, (whole,) = scene.life.second.deployment.index, answer.streams
    kept = msgspec.structs.replace(whole, indices=tuple(index for index in whole.indices if index != hidden))
    events = tuple(each for each in answer.events if each.index != hidden)
    forged = answers.encode(msgspec.structs.replace(answer, streams=(kept,), events=events))
    (folder / "answer.json").write_bytes(forged)
    return check_proof(lambda: verify_answer(forged, scene.trust))


def borrow_receipt(scene: Scene, folder: Path) -> Caught | None:
    """The receipt of one approval, shown with another."""
    folder.mkdir()
    ben = signers.load_file(scene.place.home.actor_key(BEN))
    entry = sign(ben, scene.life.ledger, BEN, "approval.decided", _approval(scene.life.unregistered))
    receipt = scene.life.first.approval.receipt
    (folder / "entry.json").write_bytes(entry)
    (folder / "receipt").write_text(receipt, encoding="utf-8")
    return check_proof(lambda: verify_receipt(receipt, scene.trust, entry=entry))


def show_old_answer(scene: Scene, folder: Path) -> Caught | None:
    """A genuine answer from the time before the rollback, to somebody who wants to know what runs now."""
    folder.mkdir()
    scene.life.old.save(folder / "answer.json")
    sealed = time.parse(scene.life.old.verified.clocks[0].time)
    # A fast machine comes here before the answer is older than the reader allows.
    clocks.sleep(max(0.0, MAX_AGE_S + 0.01 - (system_clock() - sealed) / 1_000_000))
    now = time.format(system_clock())
    return check_proof(lambda: verify_answer(scene.life.old.raw, scene.trust, now=now, max_age=MAX_AGE_S))


def _approval(version: str) -> dict[str, Value]:
    return {"of": {"version": version, "environment": PRODUCTION}, "decision": "approve", "meaning": "approval"}


MODEL_FILES = (Attack("swap-model-file", "The weights of version 2 are put into the folder of version 1.", swap_model_file),)
SIGNATURES = (
    Attack(
        "replay",
        "Ben approved version 2 in a practice ledger. That approval, with his genuine signature, is handed in here.",
        replay_from_elsewhere,
    ),
    Attack("forge-signer", "Ada approves version 2 once more: in Ben's name, with her own key.", sign_for_another),
)
PROOFS = (
    Attack(
        "forge-state",
        "In an answer about version 2 its hold is changed from 1 to 0.",
        forge_state,
        "All records together have one fingerprint, and a seal holds it.",
    ),
    Attack("hide-event", "From the proof of the complete history the deployment of version 2 is left out.", hide_event),
    Attack(
        "borrow-receipt",
        "The receipt of Ben's first approval is shown with an approval of the edited copy.",
        borrow_receipt,
        "A receipt fits one entry and no other.",
    ),
    Attack(
        "old-answer",
        "A genuine answer from before the rollback is shown to somebody who asks what runs now.",
        show_old_answer,
        "It was true, and it is old: whoever asks for a fresh answer does not accept it.",
    ),
)
