"""embedded: threads share blocks, processes share the file, clocks are not believed blindly, retries are harmless."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time as clocks
from collections.abc import Callable
from pathlib import Path

import pytest

import makers
from muniment.core.format import checkpoint, time
from muniment.core.rules import chain
from muniment.errors import InvalidInput, NotFound, Unavailable
from muniment.ledger import embedded
from muniment.ledger.embedded import Embedded
from muniment.ledger.store import connection
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck

WRITER = """
import sys
from pathlib import Path
import makers
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.store.file import Store
path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
life = makers.Life(path, Embedded(Store.open(path), makers.LOG))
for number in range(count):
    id_ = makers.random_id()
    event = life.sign("system.registered", event_id=id_, name=f"{name}-{number}", operatorRole="provider")
    print(id_, life.append(event)[0].index, flush=True)
life.close()
"""


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    """A new ledger."""
    return makers.found(tmp_path / "ledger.db")


def settle(life: makers.Life, size: int) -> None:
    """The ledger has so many entries and all of it is sound."""
    life.close()
    found = fsck(life.path, makers.VERIFIER)
    assert found.findings == ()
    assert found.size == size


def run_all(*steps: Callable[[], object]) -> None:
    """Run the steps at once, one thread each."""
    threads = [threading.Thread(target=step) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Group commit


def test_threads_that_wait_share_a_block(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [[life.system(f"thread-{number}-{each}") for each in range(3)] for number in range(8)]
    verdicts: dict[int, list[int]] = {}
    first, together = threading.Event(), threading.Event()
    append = Store.append

    def slow(self: Store, *arguments: object) -> object:
        # The first block takes until all the others wait.
        first.set()
        together.wait(60)
        return append(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", slow)

    def submit(number: int) -> None:
        if number:
            first.wait(60)
        verdicts[number] = [each.index for each in life.engine.append(events[number])]

    def release() -> None:
        deadline = clocks.monotonic() + 30
        while len(life.engine._queue) < 7 and clocks.monotonic() < deadline:
            clocks.sleep(0.001)
        together.set()

    run_all(*[lambda number=number: submit(number) for number in range(8)], release)
    with life.engine.view() as view:
        # The genesis, one block for the first thread and one for the seven that waited.
        assert (view.height, view.size) == (2, 1 + 4 + 7 * 3 + 1)
        for number, indices in verdicts.items():
            assert [view.entry(index) for index in indices] == events[number]
    settle(life, 27)


def test_large_batches_from_many_threads_all_get_their_verdicts(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    # No two batches fit one block, so that whoever takes the turn may have to write for others first.
    monkeypatch.setattr(embedded, "MAX_BLOCK_EVENTS", 10)
    batches = [[life.system(f"batch-{number}-{each}") for each in range(6)] for number in range(12)]
    verdicts: dict[int, int] = {}

    def submit(number: int) -> None:
        verdicts[number] = len(life.engine.append(batches[number]))

    run_all(*[lambda number=number: submit(number) for number in range(12)])
    assert verdicts == dict.fromkeys(range(12), 6)
    settle(life, 1 + 12 * 7)


def test_whoever_has_the_turn_writes_until_his_own_is_written(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAX_BLOCK_EVENTS", 3)
    # Two others wait already, and neither fits a block with anybody else.
    others = [
        embedded._Batch([chain.open_submission(life.system(f"other-{number}-{each}")) for each in range(2)]) for number in range(2)
    ]
    life.engine._queue += others
    assert [each.index for each in life.append(life.system("mine-1"), life.system("mine-2"))] == [7, 8]
    assert [[each.index for each in other.verdicts] for other in others] == [[1, 2], [4, 5]]
    settle(life, 10)


def test_one_call_with_more_than_a_block_holds(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAX_BLOCK_EVENTS", 10)
    verdicts = life.append(*[life.system(f"many-{number}") for number in range(25)])
    assert [each.index for each in verdicts] == [*range(1, 11), *range(12, 22), *range(23, 28)]
    settle(life, 29)


def test_a_failure_reaches_every_thread_of_the_block(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [life.system(f"failing-{number}") for number in range(4)]
    failures: list[str] = []

    def fail(*_: object) -> object:
        raise Unavailable("the disk is full", code="disk-full")

    monkeypatch.setattr(Store, "append", fail)

    def submit(number: int) -> None:
        try:
            life.engine.append([events[number]])
        except Unavailable as error:
            failures.append(error.code)

    run_all(*[lambda number=number: submit(number) for number in range(4)])
    assert failures == ["disk-full"] * 4
    monkeypatch.undo()
    life.append(*events)
    settle(life, 6)


def test_an_interrupt_hits_only_its_own_thread(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    event = life.system("other")
    other = embedded._Batch([chain.open_submission(event)])
    life.engine._queue.append(other)

    def interrupt(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "append", interrupt)
    with pytest.raises(KeyboardInterrupt):
        life.engine.append([life.system("mine")])
    assert isinstance(other.error, Unavailable)
    assert (other.done, other.error.code) == (True, "interrupted")
    monkeypatch.undo()
    life.append(event)
    settle(life, 3)


def test_a_malformed_entry_spoils_only_its_own_call(life: makers.Life) -> None:
    good, bad = life.system("good"), life.system("bad")
    with pytest.raises(InvalidInput):
        life.engine.append([good, bad[:-1]])
    with pytest.raises(InvalidInput) as caught:
        life.engine.append([bad.replace(b'"sig":"', b'"sig":"A', 1)])
    assert caught.value.code
    with life.engine.view() as view:
        assert view.size == 1
    life.append(good)
    settle(life, 3)


# Several processes


def test_processes_share_one_file(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db", embedded.system_clock)
    life.close()
    environment = {**os.environ, "PYTHONPATH": str(Path(makers.__file__).parent)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(life.path), name, "15"], stdout=subprocess.PIPE, text=True, env=environment
        )
        for name in ("one", "two")
    ]
    outputs = [writer.communicate(timeout=180)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    acknowledged = [line.split() for output in outputs for line in output.splitlines()]
    assert len(acknowledged) == 30
    assert len({index for _, index in acknowledged}) == 30
    reader = Embedded(Store.open(life.path), None)
    with reader.view() as view:
        for id_, index in acknowledged:
            assert view.find(id_) == int(index)
    reader.close()
    settle(life, 61)


def test_a_forked_child_and_its_parent_lose_nothing(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db", embedded.system_clock)
    # A parent that closes while its child still writes would delete the child's log if the child had inherited the connection.
    life.append(life.system("before"))
    to_child, to_parent = multiprocessing.Pipe(), multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            life.append(life.sign("system.registered", event_id=makers.random_id(), name="child-1", operatorRole="provider"))
            to_parent[0].send(True)
            to_child[1].poll(60)
            life.append(life.sign("system.registered", event_id=makers.random_id(), name="child-2", operatorRole="provider"))
            code = 0
        finally:
            os._exit(code)
    assert to_parent[1].poll(60)
    life.append(life.system("parent"))
    life.close()
    to_child[0].send(True)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    settle(life, 9)


def test_a_child_forked_from_a_running_transaction_may_only_read(life: makers.Life) -> None:
    life.append(life.system("before"))
    with life.engine.view() as view:
        size = view.size
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with life.engine.view() as inner:
                    assert inner.size == size
                try:
                    life.append(life.system("child"))
                except Unavailable as error:
                    code = 0 if error.code == "forked" else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert view.size == size
    life.append(life.system("after"))
    settle(life, 5)


def test_threads_of_the_parent_do_not_lock_the_child_out(life: makers.Life) -> None:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with life.engine.view():
            taken.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(30)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with life.engine.view() as view:
                code = 0 if view.size == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    done.set()
    holder.join()
    life.append(life.system("after"))
    settle(life, 3)


def test_a_file_that_stays_busy_is_unavailable(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.close()
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 1)
    one, two = makers.reopen(life.path), makers.reopen(life.path)
    with one.engine._store._transaction("BEGIN IMMEDIATE"):
        with pytest.raises(Unavailable) as caught:
            two.append(two.system("busy"))
        assert (caught.value.code, caught.value.retry_after) == ("busy", 1.0)
        with two.engine.view() as view:
            assert view.size == 1
    two.append(two.system("busy"))
    two.close()
    one.close()


# Clocks


def at(life: makers.Life, now: int, accept: bool = False) -> makers.Life:
    return makers.Life(life.path, Embedded(Store.open(life.path), makers.LOG, clock=lambda: now, accept_clock=accept))


def newest_time(life: makers.Life) -> int:
    with life.engine.view() as view:
        return time.parse(view.header(view.height).time)


def test_header_time_is_now_or_one_microsecond_after_the_last(life: makers.Life) -> None:
    founded = newest_time(life)
    for now, expected in ((founded + 5, founded + 5), (founded + 5, founded + 6), (founded - 60_000_000, founded + 7)):
        late = at(life, now)
        late.append(late.system(f"at-{now}-{expected}"))
        assert newest_time(late) == expected
        late.close()


@pytest.mark.parametrize("offset", [-embedded.MAX_BACKWARD_US - 1, embedded.MAX_FORWARD_US + 1])
def test_a_clock_that_cannot_be_right_seals_nothing(life: makers.Life, offset: int) -> None:
    founded = newest_time(life)
    wrong = at(life, founded + offset)
    for ask in (wrong.engine.append, wrong.engine.judge):
        with pytest.raises(Unavailable) as caught:
            ask([wrong.system("wrong-clock")])
        assert caught.value.code == "clock"
        assert "--accept-clock" in caught.value.hint
    assert newest_time(wrong) == founded
    wrong.close()
    sure = at(life, founded + offset, accept=True)
    sure.append(sure.system("wrong-clock"))
    assert newest_time(sure) == max(founded + 1, founded + offset)
    sure.close()
    settle(life, 3)


@pytest.mark.parametrize("offset", [-embedded.MAX_BACKWARD_US, embedded.MAX_FORWARD_US])
def test_the_limits_of_belief_are_inclusive(life: makers.Life, offset: int) -> None:
    edge = at(life, newest_time(life) + offset)
    edge.append(edge.system("edge"))
    edge.close()


def test_the_machine_clock_counts_microseconds() -> None:
    assert abs(embedded.system_clock() - clocks.time() * 1e6) < 5e6


# Repetition


def test_the_same_payload_again_returns_the_first_index(life: makers.Life) -> None:
    event = life.system("once")
    (first,) = life.append(event)
    with life.engine.view() as view:
        before = view.checkpoint
    (again,) = life.engine.append([event])
    assert (again.decision, again.index) == ("repeated", first.index)
    with life.engine.view() as view:
        assert view.checkpoint == before


def test_the_same_payload_twice_in_one_call(life: makers.Life) -> None:
    event = life.system("twice")
    one, two = life.engine.append([event, event])
    assert (one.decision, two.decision, one.index, two.index) == ("admitted", "repeated", 1, 1)
    settle(life, 3)


def test_another_payload_under_the_same_id_is_refused(life: makers.Life) -> None:
    id_ = makers.next_id()
    fields = {"operatorRole": "provider"}
    life.append(life.sign("system.registered", event_id=id_, name="one", **fields))
    (verdict,) = life.engine.append([life.sign("system.registered", event_id=id_, name="two", **fields)])
    assert (verdict.decision, verdict.reasons[0].rule) == ("refused", "event-id")


def test_judging_writes_nothing_and_agrees(life: makers.Life) -> None:
    events = [life.system("judged"), life.sign("note.added", makers.BOB, "ada", about=["system/x"], text={"sealed": "A" * 43})]
    advice = life.engine.judge(events)
    with life.engine.view() as view:
        assert view.size == 1
    verdicts = life.engine.append(events)
    assert [each.decision for each in advice] == [each.decision for each in verdicts] == ["admitted", "refused"]
    assert [each.decision for each in life.engine.judge(events)] == ["repeated", "refused"]


def test_an_event_of_another_ledger_is_refused(life: makers.Life, tmp_path: Path) -> None:
    other = makers.found(tmp_path / "other.db", makers.StepClock(makers.NOON + 1))
    assert other.ledger != life.ledger
    (verdict,) = life.engine.append([other.system("elsewhere")])
    assert (verdict.decision, verdict.reasons[0].rule) == ("refused", "ledger")
    other.close()


# Reading


def test_a_reader_without_the_key_reads_and_cannot_write(life: makers.Life) -> None:
    life.append(life.system("one"))
    reader = Embedded(Store.open(life.path), None, clock=makers.StepClock(makers.NOON + 60_000_000))
    assert (reader.ledger, reader.origin) == (life.ledger, makers.ORIGIN)
    with reader.view() as view:
        assert checkpoint.open(view.checkpoint, makers.VERIFIER).size == 3
    event = life.system("two")
    assert reader.judge([event])[0].decision == "admitted"
    with pytest.raises(Unavailable) as caught:
        reader.append([event])
    assert caught.value.code == "no-log-key"
    with reader.view() as view, pytest.raises(NotFound):
        view.entry(3)
    reader.close()


def test_nothing_to_append_is_nothing(life: makers.Life) -> None:
    assert life.engine.append([]) == []
    settle(life, 1)
