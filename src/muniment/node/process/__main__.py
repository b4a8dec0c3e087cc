"""`python -m muniment.node.process ORDERS`: the supervisor, which `muniment node start` becomes."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

from muniment.node.process import line, lock, orders
from muniment.node.process.child import open_standard
from muniment.node.process.orders import Orders
from muniment.node.process.supervisor import TIMING, Supervisor, Timing


def main(told: Orders, timing: Timing = TIMING) -> int:
    """Supervise until a signal says to stop, greet on standard output, and return the exit code."""
    open_standard()
    os.set_inheritable(told.lock, False)
    lock.sign(told.lock)

    def greet(said: dict[str, Any]) -> None:
        lines = said.pop("lines", None) or ["The node runs."]
        if told.as_json:
            text = json.dumps({**said, "process": os.getpid()}, ensure_ascii=False)
        else:
            text = "\n".join([*lines, "", f"Stop: Ctrl-C, or kill {os.getpid()}. What was confirmed is safe."])
        # Whoever was to read it may be gone; the node goes on. Without any standard output, this prints nothing.
        with suppress(OSError):
            print(text, flush=True)

    # A node that runs under another one's supervisor by mistake would talk to that.
    environment = {key: value for key, value in os.environ.items() if key != line.VARIABLE}
    supervisor = Supervisor(told, environment, greet, timing)
    code = supervisor.run()
    if supervisor.failed is not None:
        _tell(supervisor.failed, told.as_json)
    return code


def _tell(failed: dict[str, Any], as_json: bool) -> None:
    """Why the application cannot run, as every command tells an error."""
    error = {key: str(failed.get(key, "")) for key in ("code", "message", "hint")}
    with suppress(OSError):
        if as_json:
            print(json.dumps({"error": {**error, "details": {}}}, ensure_ascii=False), flush=True)
        elif sys.stderr is not None:
            print(f"Error [{error['code']}]: {error['message']}\n  {error['hint']}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(orders.decode(sys.argv[1])))
