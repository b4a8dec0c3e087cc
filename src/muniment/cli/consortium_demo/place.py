"""The folder of one consortium demo: a home for each organisation, and what was handed to outsiders."""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.cli.demo.folder import Mark
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.config import Config

NAME = "example.com/tumour-screen"
"""What its origin begins with. The rest is another one each time: two ledgers under one origin are what nobody is to believe."""

LAB, CLINIC, HOSPITAL, WATCH = "lab", "clinic", "hospital", "watch"
MEMBERS = (CLINIC, HOSPITAL, LAB, WATCH)
PERSONS = {LAB: "lab-ada", CLINIC: "clinic-sam", HOSPITAL: "hospital-ben", WATCH: "watch-eve"}
APPROVERS = {HOSPITAL: "hospital-cleo", WATCH: "watch-ivo"}

_MARK = Mark(
    name="consortium-demo.txt",
    text="A demo of `muniment consortium demo`. Another one in this folder takes its place.\n",
    makes=(*MEMBERS, "clients", "data", "model", "proofs", "draft.json"),
)


class Place(msgspec.Struct, frozen=True):
    """Where everything of one demo lies."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data sets."""
        return self.folder / "data"

    @property
    def model(self) -> Path:
        """The saved model."""
        return self.folder / "model"

    @property
    def proofs(self) -> Path:
        """What an outsider gets: a trust file, and answers."""
        return self.folder / "proofs"

    def home(self, organisation: str) -> Path:
        """The home of an organisation's node."""
        return self.folder / organisation

    def open(self, organisation: str, url: str, token: str, actor: str | None = None) -> Ledger:
        """The ledger at an organisation's node, for one of its people; neither the environment nor any other file is asked."""
        who = actor or PERSONS[organisation]
        return connect(
            Config(
                home=self.home(organisation),
                url=url,
                token=token,
                ca=None,
                actor=who,
                trust=None,
                state=self.folder / "clients" / who,
                output="text",
                no_input=True,
                gate_max_age=7 * 86_400,
                explanations=(),
            )
        )


def prepare(folder: Path) -> Place:
    """Make a place, and empty it of an earlier demo. Raises InvalidInput (`not-a-demo`), Unavailable (`demo-unwritable`)."""
    place = Place(folder)
    _MARK.find(folder)
    _MARK.begin(folder, (place.data, place.proofs))
    return place
