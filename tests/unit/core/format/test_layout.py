"""Structs are worked out by one thread: many that read their first event at the same moment are all answered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

import makers
from muniment.core.format import dsse, layout

READ = """
import sys, threading
sys.setswitchinterval(1e-5)
from muniment.core.rules import events
payload = bytes.fromhex(sys.argv[1])
together, read = threading.Barrier(8), []

def run():
    together.wait()
    read.append(events.decode(payload).NAME)

threads = [threading.Thread(target=run) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
assert read == ["model.registered"] * 8, read
"""


def test_the_first_event_may_be_read_by_many_threads_at_once() -> None:
    raw = makers.sign("0" * 64, "model.registered", model="m", version="2" * 64, derivation="trained", data=["1" * 64])
    payload = dsse.decode(raw).payload.hex()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", READ, payload], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2_000:]


def test_what_no_decoder_can_be_made_of_is_passed_over() -> None:
    class Odd(msgspec.Struct):
        one: object
        two: dict[Path, set[int] | list[int]]

    layout.settle([Odd, 1, "Odd", int])
