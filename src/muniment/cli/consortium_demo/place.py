"""The folder of one consortium demo: a home for each organisation, and what was handed to outsiders."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.config import Config
from muniment.errors import InvalidInput, Unavailable

ORIGIN = "example.com/tumour-screen"
LAB, CLINIC, HOSPITAL, WATCH = "lab", "clinic", "hospital", "watch"
MEMBERS = (CLINIC, HOSPITAL, LAB, WATCH)
PERSONS = {LAB: "lab-ada", CLINIC: "clinic-sam", HOSPITAL: "hospital-ben", WATCH: "watch-eve"}
APPROVERS = {HOSPITAL: "hospital-cleo", WATCH: "watch-ivo"}

_MARK = "consortium-demo.txt"
_TEXT = "A demo of `muniment consortium demo`. Another one in this folder takes its place.\n"
_OURS = (*MEMBERS, "clients", "data", "model", "proofs", "draft.json", _MARK)


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
    if folder.exists() and not _is_demo(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(
            f"{folder} holds something else than such a demo, and is left as it is",
            code="not-a-demo",
            hint="Choose another folder with --dir.",
        )
    try:
        if _is_demo(folder):
            _remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_text(_TEXT, encoding="utf-8")
        for part in (place.data, place.proofs):
            part.mkdir()
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be made: {error.strerror}", code="demo-unwritable", hint="Choose another folder with --dir."
        ) from None
    return place


def _is_demo(folder: Path) -> bool:
    try:
        return (folder / _MARK).read_text(encoding="utf-8") == _TEXT
    except (OSError, UnicodeDecodeError):
        return False


def _remove(folder: Path) -> None:
    # The mark goes last: what was removed half-way is still known as a demo.
    for name in _OURS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
