"""The end of an application that cannot answer its engine: the supervisor is told why, before nobody is left who could.

server = Server(path, connect, ending.tell_and_end(supervised))

It is started again, and may end in the same place again and again: then what it said here is an alarm.
"""

from __future__ import annotations

from muniment.errors import MunimentError
from muniment.node.abci import server
from muniment.node.abci.server import FAILED, Fail
from muniment.node.process.supervised import Supervised


def tell_and_end(supervised: Supervised | None, end: Fail = server.fail) -> Fail:
    """What is done with an error that leaves a question without an answer; None: nobody watches this process."""

    def tell(error: Exception) -> None:
        if supervised is not None:
            if isinstance(error, MunimentError):
                supervised.tell_failed(error.code, str(error), error.hint, FAILED)
            else:
                supervised.tell_failed("failed", f"{type(error).__name__}: {error}", "The node's log says more.", FAILED)
        end(error)

    return tell
