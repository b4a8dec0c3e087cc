"""Attacks on a copy of the file, and by an operator who holds every key. The last line of the module lists all attacks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from muniment.cli.demo import forging, tampering
from muniment.cli.demo.attack import Attack, Caught, Scene, check_client, check_evidence, check_file, sign
from muniment.cli.demo.place import ADA
from muniment.cli.demo.release import MODEL
from muniment.client.home import Home
from muniment.core.format import decimal
from muniment.core.format.encoding import Value
from muniment.core.format.statement import SALT_BYTES, seal
from muniment.ledger import signers


def edit_byte(scene: Scene, folder: Path) -> Caught | None:
    """A better test result, by one byte."""
    home = scene.copy(folder)
    accuracy = decimal.format_float(scene.life.second.trained.test.accuracy).encode()
    said = b'"metric":"accuracy","value":"%s"'
    tampering.edit_bytes(home.store, said % accuracy, said % (accuracy[:-1] + b"9"))
    return check_file(scene, home)


def edit_through_sql(scene: Scene, folder: Path) -> Caught | None:
    """The hold on version 2 is gone, and the row's own hash fits."""
    home = scene.copy(folder)
    stream = f"version/{scene.life.second.version.digest}"
    tampering.edit_record(home.store, stream, b'"holds":1', b'"holds":0')
    return check_file(scene, home)


def swap_entries(scene: Scene, folder: Path) -> Caught | None:
    """The approval comes after the deployment."""
    home = scene.copy(folder)
    tampering.swap_entries(home.store, scene.life.second.approval.index, scene.life.second.deployment.index)
    return check_file(scene, home)


def drop_entry(scene: Scene, folder: Path) -> Caught | None:
    """There never was an incident."""
    home = scene.copy(folder)
    tampering.drop_entry(home.store, scene.life.incident.index)
    return check_file(scene, home)


def cut_tail(scene: Scene, folder: Path) -> Caught | None:
    """The data were never withdrawn."""
    home = scene.copy(folder)
    tampering.cut_tail(home.store)
    return check_client(scene, home)


def rewrite(scene: Scene, folder: Path) -> Caught | None:
    """The operator writes another history without the incident. Caught only if the file itself is flawless, and if the
    evidence convinces a third person."""
    folder.mkdir()
    source, target = scene.place.home, Home(folder)
    shutil.copyfile(source.trust, target.trust)
    note = seal("Nothing to report.", os.urandom(SALT_BYTES))
    fields: dict[str, Value] = {"about": [f"model/{MODEL}"], "text": {"sealed": note.sealed}}
    padding = sign(signers.load_file(source.actor_key(ADA)), scene.life.ledger, ADA, "note.added", fields)
    tampering.rewrite(source, target, leave_out=[scene.life.incident.index], padding=padding)
    if check_file(scene, target) is not None:
        return None
    caught = check_client(scene, target)
    if caught is None or not caught.evidence:
        return None
    check_evidence(scene, Path(caught.evidence))
    return caught


FILE = (
    Attack("edit-byte", "One byte of the file is overwritten, and version 2's test result looks better.", edit_byte),
    Attack(
        "edit-sql",
        "With a database tool the hold on version 2 is set to none, and the row's checksum is mended.",
        edit_through_sql,
        "What the ledger says of a thing follows from its entries, so it can be worked out again.",
    ),
    Attack("reorder", "Two entries change places: Ben's approval of version 2, and the deployment after it.", swap_entries),
    Attack("drop-entry", "The entry of the incident is taken out of the middle.", drop_entry),
    Attack(
        "cut-tail",
        "The last block is deleted, as if the data had never been withdrawn.",
        cut_tail,
        "His client remembers the newest state that it has seen, and keeps both for others to see:",
    ),
)
KEYS = (
    Attack(
        "rewrite",
        "The operator, who has every key, writes the whole ledger anew without the incident, and signs it. Taken by itself "
        "that file is flawless.",
        rewrite,
        "Both are signed with the ledger's key, so this file proves it to anybody:",
    ),
)
ATTACKS = (*FILE, *forging.MODEL_FILES, *forging.SIGNATURES, *forging.PROOFS, *KEYS)
