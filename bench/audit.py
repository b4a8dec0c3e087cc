"""Audit: every entry of a ledger checked again, against verifying its signatures and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context

from bench.measure import Result, Turns
from bench.sample import VERIFIER, Sample, Scale, unpack, verify_all
from muniment.ledger.audit import audit

OF = "raw PyNaCl verify"


def measure(sample: Sample, scale: Scale) -> list[Result]:
    """`audit.signatures` and `audit.replay` on one processor, the same on two (`audit.two`, `audit.replay.two`).

    `audit.two.limit` is what two processes gain that verify raw signatures: what this machine makes of two processors.
    """
    with sample.engine.view() as view:
        signed = unpack(entry for _, entry in view.entries(0, view.size) if entry.startswith(b'{"payload"'))
    halves = signed[::2], signed[1::2]
    turns = Turns()
    bodies: dict[str, Callable[[], object]] = {
        "raw": lambda: verify_all(signed),
        "audit.signatures": lambda: audit(sample.engine.view, VERIFIER, replay=False),
        "audit.two": lambda: audit(sample.engine.view, VERIFIER, replay=False, processes=2),
        "audit.replay": lambda: audit(sample.engine.view, VERIFIER),
        "audit.replay.two": lambda: audit(sample.engine.view, VERIFIER, processes=2),
        "audit.two.limit": lambda: _verify_apart(halves),
    }
    for _ in range(max(2, scale.rounds - 2)):
        turns.round(bodies)

    def result(name: str, limit: str, of: str) -> Result:
        return turns.rate(name, limit, of, len(signed), "events/s", "wall")

    return [
        result("audit.signatures", "raw", OF),
        result("audit.replay", "raw", OF),
        result("audit.two", "audit.signatures", "audit.signatures, one process"),
        result("audit.replay.two", "audit.replay", "audit.replay, one process"),
        result("audit.two.limit", "raw", f"{OF}, one process"),
    ]


def _verify_apart(halves: tuple[list[tuple[bytes, bytes]], ...]) -> None:
    """Half of it in each of two processes."""
    context = get_context("fork")
    processes = [context.Process(target=verify_all, args=(half,)) for half in halves]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
