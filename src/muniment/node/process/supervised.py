"""The application's end of the line to its supervisor (`line`): it says that it is ready, answers, and hears of alarms.

    supervised = Supervised.from_environment(os.environ)
    if supervised is not None:
        supervised.start(is_alive, on_alarms=..., on_end=...)
        ...
        supervised.tell_ready({"url": url, "lines": [...]})

`is_alive` is asked before every answer, in a thread of its own: say there whether the event loop still turns. Whoever gives no
answer for `watchdog.APPLICATION_SECONDS` is killed and started again.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from muniment.node.process.line import VARIABLE
from muniment.server.standing import Alarm


class Supervised:
    """The line. Its methods may be called from any thread."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sending = threading.Lock()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Supervised | None:
        """The line to the supervisor that started this process, or None where none did."""
        number = environment.get(VARIABLE, "")
        if not number.isdecimal():
            return None
        os.set_inheritable(int(number), False)
        return cls(socket.socket(fileno=int(number)))

    def start(
        self,
        is_alive: Callable[[], bool],
        *,
        on_alarms: Callable[[Sequence[Alarm]], None],
        on_end: Callable[[], None],
    ) -> None:
        """Listen from now on, in a thread.

        `on_alarms` gets all alarms that hold, whenever they change; `on_end` is called when the supervisor is gone.
        """

        def hear(message: dict[str, Any]) -> None:
            if "ask" in message and is_alive():
                self._send({"answer": message["ask"]})
            elif "alarms" in message:
                on_alarms(msgspec.convert(message["alarms"], tuple[Alarm, ...]))

        def listen() -> None:
            with suppress(OSError), self._line.makefile("rb") as lines:
                for line in lines:
                    hear(json.loads(line))
            on_end()
            self._line.close()

        threading.Thread(target=listen, name="muniment-supervised", daemon=True).start()

    def tell_ready(self, greeting: Mapping[str, object]) -> None:
        """The application answers, and the engine may start.

        Of the greeting, `lines` (texts) are shown to a person at the first start; the rest is the one object of `--json`.
        """
        self._send({"ready": dict(greeting)})

    def tell_failed(self, code: str, message: str, hint: str, exit_code: int) -> None:
        """It cannot run as it is set up, and another attempt would not help: the node stops and says why."""
        self._send({"failed": {"code": code, "message": message, "hint": hint, "exit": exit_code}})

    def tell_halted(self, code: str, text: str) -> None:
        """The engine is to run no more until this node is mended; readers are still answered, and an alarm says why."""
        self._send({"halted": {"code": code, "text": text}})

    def _send(self, message: Mapping[str, object]) -> None:
        raw = json.dumps(message).encode() + b"\n"
        # A supervisor that is gone is told by the end of the line.
        with self._sending, suppress(OSError):
            self._line.sendall(raw)
