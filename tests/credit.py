"""The short life of a credit model, told through the SDK: two versions, a measurement, a decision, three deployments."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Recorded, Version

PLACE = "production/credit-risk"
REASON = "the second review found nothing"


class Lived(NamedTuple):
    """What happened, in order."""

    data: Dataset
    first: Version
    evaluated: Recorded
    approved: Recorded
    started: Recorded
    second: Version
    promoted: Recorded


def write_files(folder: Path) -> tuple[Path, Path]:
    """A data set and a model of three files, in this folder."""
    data, model = folder / "data", folder / "model"
    for each in (data, model):
        each.mkdir()
    (data / "loans.csv").write_text("amount,paid\n100,1\n")
    (model / "config.json").write_text('{"max_depth": 6}')
    (model / "model.safetensors").write_bytes(bytes(range(256)) * 8)
    (model / "README.md").write_text("A model.\n")
    return data, model


def live(ledger: Ledger, folder: Path) -> Lived:
    """Write files to a folder and live the life."""
    data, model = write_files(folder)
    loans = ledger.dataset("loans", data, licence="CC-BY-4.0", purposes=["credit-scoring"])
    first = ledger.register("credit-risk", model, data=[loans], derivation="trained")
    evaluated = ledger.evaluate(first, {"auc": 0.907}, dataset=loans)
    approved = ledger.approve(first, "production", reason=REASON)
    started = ledger.deploy(first, "production")
    other = folder / "model-2"
    shutil.copytree(model, other)
    (other / "config.json").write_text('{"max_depth": 8}')
    second = ledger.register("credit-risk", other, derivation="finetuned", parents=[first])
    promoted = ledger.deploy(second, "production", transition="promote")
    return Lived(loans, first, evaluated, approved, started, second, promoted)
