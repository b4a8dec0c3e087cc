"""The command line called in this process, with a clock that can be turned on: for stories that take days."""

from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from muniment.cli import application

HOUR_NS = 3_600 * 1_000_000_000


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)

    @property
    def refusal(self) -> tuple[int, set[str]]:
        """The exit code, and the rules that said no."""
        return self.code, {reason["rule"] for reason in self.json["error"]["details"]["reasons"]}


class Machine:
    """One machine; `time_ns` stands in for its clock."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def time_ns(self) -> int:
        """The machine's clock, and what it was turned on by."""
        return time.time_ns() + self.ahead_ns

    def call(self, *arguments: str) -> Said:
        """A command."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = application.run(list(arguments))
        return Said(code, out.getvalue(), err.getvalue())
