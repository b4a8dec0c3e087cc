"""The folder of one demo: nothing outside of it is touched, not even what this user's own client remembers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.cli.demo.folder import Mark
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.config import Config

ADA, BEN, CLEO = "ada", "ben", "cleo"

_SETTINGS = """\
# Settings of this demo: any `muniment` command that is run in this folder finds its ledger, and remembers what it saw here.
home = ".muniment"
state = "clients/ada"
actor = "ada"
"""
_MARK = Mark(
    name="muniment.toml",
    text=_SETTINGS,
    makes=(".muniment", "attacks", "clients", "data", "models", "policy.toml", "proofs"),
)


class Place(msgspec.Struct, frozen=True):
    """Where everything of one demo lies."""

    folder: Path

    @property
    def home(self) -> Home:
        """The ledger's folder."""
        return Home(self.folder / ".muniment")

    @property
    def rules(self) -> Path:
        """The rules of the ledger, as people write them."""
        return self.folder / "policy.toml"

    @property
    def data(self) -> Path:
        """The data sets."""
        return self.folder / "data"

    @property
    def models(self) -> Path:
        """The saved models, a folder each."""
        return self.folder / "models"

    @property
    def proofs(self) -> Path:
        """The proofs that were asked for."""
        return self.folder / "proofs"

    @property
    def attacks(self) -> Path:
        """The copies that were attacked, a folder each."""
        return self.folder / "attacks"

    def client(self, actor: str) -> Path:
        """What the client of one person remembers of the ledger."""
        return self.folder / "clients" / actor

    def settings(self, actor: str) -> Config:
        """The settings of one person, from this folder alone: neither the environment nor any other file is asked."""
        return Config(
            home=self.home.folder,
            url=None,
            token=None,
            ca=None,
            actor=actor,
            trust=None,
            state=self.client(actor),
            output="text",
            no_input=True,
            gate_max_age=7 * 86_400,
            explanations=(),
        )

    def open(self, actor: str) -> Ledger:
        """The ledger as one person opens it."""
        return connect(self.settings(actor))


def locate(folder: Path) -> tuple[Place, bool]:
    """The place for a demo, and whether an earlier one lies there. Nothing is changed yet.

    Raises InvalidInput (`not-a-demo`) for a folder that holds something else.
    """
    earlier = _MARK.find(folder)
    return Place(folder), earlier


def prepare(place: Place) -> None:
    """Make a place that `locate` has found, and empty it of an earlier demo. Raises Unavailable (`demo-unwritable`)."""
    _MARK.begin(place.folder, (place.data, place.models, place.proofs, place.attacks))
