"""The supervisor's own log lines, on standard error: JSON or text, in the form that the server writes (server.telemetry.logs)."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Literal

from muniment.node.process import record

Level = Literal["info", "warning", "error"]


class Log:
    """Writes lines; `form` is `json` or `text`."""

    def __init__(self, form: str) -> None:
        self._form = form

    def say(self, level: Level, code: str, message: str, **fields: object) -> None:
        """One line, whatever it holds."""
        now = record.now()
        known = {"code": code, **{key: value for key, value in fields.items() if value not in ("", None)}}
        if self._form == "json":
            line = json.dumps({"time": now, "level": level, "message": message, "worker": "supervisor", **known}, default=str)
        else:
            line = f"{now[11:19]} {level:<7} {_plain(message)} " + " ".join(
                f"{key}={_plain(value)}" for key, value in known.items()
            )
        # Whoever read it may be gone; the node goes on.
        with suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _plain(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)
