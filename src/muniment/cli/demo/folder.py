"""The folder of a demo: known by a file with words of ours, and emptied of what a demo made when another one begins."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from muniment.errors import InvalidInput, Unavailable


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How a demo knows its folder: by a file of this name with this text.

    makes: the names of all else that such a demo makes there; nothing but these is ever removed
    """

    name: str
    text: str
    makes: tuple[str, ...]

    def is_in(self, folder: Path) -> bool:
        """Was this made here? A project of somebody's own may have a file of that name too, but not with these words."""
        try:
            return (folder / self.name).read_text(encoding="utf-8") == self.text
        except (OSError, UnicodeDecodeError):
            return False

    def find(self, folder: Path) -> bool:
        """Does an earlier demo lie there? Nothing is changed. Raises InvalidInput (`not-a-demo`) for what holds something else."""
        earlier = self.is_in(folder)
        if not earlier and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidInput(
                f"{folder} holds something else than such a demo, and is left as it is",
                code="not-a-demo",
                hint="Choose another folder with --dir.",
            )
        return earlier

    def begin(self, folder: Path, parts: Iterable[Path]) -> None:
        """Empty a folder of an earlier demo, mark it, and make these folders in it. Raises Unavailable (`demo-unwritable`)."""
        try:
            if self.is_in(folder):
                self._empty(folder)
            folder.mkdir(parents=True, exist_ok=True)
            # First of all: what is stopped half-way is known as a demo, and may be removed by the next one.
            (folder / self.name).write_text(self.text, encoding="utf-8")
            for part in parts:
                part.mkdir()
        except OSError as error:
            raise Unavailable(
                f"{folder} cannot be made: {error.strerror}", code="demo-unwritable", hint="Choose another folder with --dir."
            ) from None

    def _empty(self, folder: Path) -> None:
        # The mark goes last: what was removed half-way is still known as a demo.
        for name in (*self.makes, self.name):
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
