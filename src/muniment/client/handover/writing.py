"""Writing the package of a hand-off to a folder: whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client.handover import page
from muniment.client.handover.contents import Handover, Told
from muniment.errors import InvalidInput, LedgerError
from muniment.ledger.blobs import Evidence

BUNDLE, PAGE = "bundle.json", "hand-off.html"


def compose(found: Handover, bundle: bytes, blobs: Evidence) -> dict[str, bytes]:
    """The files of a package, by name: the page, the bundle, and the environments that are held here."""
    files = {BUNDLE: bundle}
    told = tuple(_attach(each, blobs, files) for each in found.told)
    names = tuple(sorted([*files, PAGE]))
    files[PAGE] = page.write(msgspec.structs.replace(found, told=told, files=names)).encode()
    return files


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a new folder. Raises InvalidInput (`not-empty`), LedgerError (`not-written`); nothing is left then."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} holds something already", code="not-empty", hint="Choose another folder with --out.")
    draft = disk.name_beside(folder)
    try:
        try:
            draft.mkdir(parents=True)
            for name, raw in files.items():
                (draft / name).write_bytes(raw)
            os.rename(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise LedgerError(
            f"{folder} cannot be written: {error.strerror}", code="not-written", hint="Choose a folder that is yours with --out."
        ) from None


def _attach(told: Told, blobs: Evidence, files: dict[str, bytes]) -> Told:
    """The version with the file that holds the environment of its run, where that is held here."""
    recipe = told.recipe
    if not recipe.environment or not blobs.holds(recipe.environment):
        return told
    try:
        raw = blobs.load(recipe.environment)
    except LedgerError:
        # What was damaged is as good as not held; `fsck` names it.
        return told
    name = f"environment-{recipe.environment[:8]}.json"
    files[name] = raw
    return msgspec.structs.replace(told, recipe=msgspec.structs.replace(recipe, environment_file=name))
