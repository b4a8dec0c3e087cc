"""client.termination: SIGTERM as an exception, in the process that asked for it."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from muniment.client.termination import EXIT_CODE, Terminated, Watch


@pytest.fixture
def watch() -> Watch:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    return Watch()


def test_sigterm_is_raised_while_it_watches(watch: Watch) -> None:
    watch.start()
    with pytest.raises(Terminated) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == EXIT_CODE == 143
    watch.stop()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_somebody_elses_handler_stays(watch: Watch) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        watch.start()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        watch.stop()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_one_that_was_set_meanwhile_stays(watch: Watch) -> None:
    watch.start()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watch.stop()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_other_threads_leave_it_alone(watch: Watch) -> None:
    thread = threading.Thread(target=watch.start)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_forked_worker_ends_as_it_would_have(watch: Watch) -> None:
    watch.start()
    child = os.fork()
    if child == 0:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os._exit(7)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
    watch.stop()
