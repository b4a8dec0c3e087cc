"""Muniment: the blockchain of record for AI models.

    ledger = muniment.open()
    data = ledger.dataset("loans", "data/loans.csv", licence="CC-BY-4.0")
    with ledger.training("credit-risk", inputs={"training": data}, parameters={"max_depth": 6}) as run:
        version = run.register("credit-risk", "out/model")

Importing is free: each name is loaded when it is first used.
"""

import importlib

_HOMES = {
    "CaptureError": "muniment.errors",
    "Conflict": "muniment.errors",
    "CorruptStore": "muniment.errors",
    "Dataset": "muniment.client.things",
    "Gated": "muniment.client.gating.decision",
    "Glass": "muniment.client.gating.decision",
    "InvalidInput": "muniment.errors",
    "Ledger": "muniment.client.ledger",
    "LedgerError": "muniment.errors",
    "MunimentError": "muniment.errors",
    "NotFound": "muniment.errors",
    "Plan": "muniment.client.things",
    "PolicyViolation": "muniment.core.rules.policy",
    "Recorded": "muniment.client.things",
    "RecordingWarning": "muniment.client.training",
    "Rehearsal": "muniment.client.things",
    "SplitView": "muniment.core.proof.evidence",
    "Training": "muniment.client.training",
    "Unavailable": "muniment.errors",
    "VerificationError": "muniment.errors",
    "Version": "muniment.client.things",
    "__version__": "muniment._version",
    "init": "muniment.client.opening",
    "open": "muniment.client.opening",
    "verify": "muniment.client.checking",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'muniment' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
