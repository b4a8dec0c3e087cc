"""Nodes that let a caller wait longer before they tell him to ask again, for tests that count every verdict of a slow machine.

node.start(environment=patient.environment(tmp_path, answer=15.0, quorum=12.0))

As in `deviating`, a `sitecustomize` that acts in the application of these nodes only.
"""

from __future__ import annotations

from pathlib import Path

_CUSTOMIZE = """
import sys

if any("muniment.node.service.process" in each for each in sys.orig_argv):
    from muniment.node.cosigning.reading import Settled
    from muniment.node.submitting.submitter import ChainSubmitter

    Settled.__init__.__kwdefaults__["wait_seconds"] = {quorum}
    ChainSubmitter.__init__.__kwdefaults__["answer_s"] = {answer}
"""


def environment(folder: Path, answer: float, quorum: float) -> dict[str, str]:
    """The variables under which a node waits so many seconds for a block, and after it for a quorum.

    Both together must be less than the client is ready to wait.
    """
    place = folder / "patient"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_CUSTOMIZE.format(answer=answer, quorum=quorum))
    return {"PYTHONPATH": str(place)}
