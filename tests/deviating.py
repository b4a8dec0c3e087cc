"""A release whose rules differ, for one node: its application judges otherwise than those of the other members.

node.start(environment=deviating.environment(tmp_path, deviating.RECORDS))

The supervisor starts the application by itself, so the change goes in where Python begins: a `sitecustomize` that is on the path
of this node's processes alone, and acts in its application only.
"""

from __future__ import annotations

from pathlib import Path

RECORDS = """
    from muniment.core.rules.records import CosignerKey

    def changed(event, context):
        before(event, context)
        if event.name.startswith("odd"):
            context.write(f"system/{event.name}", CosignerKey(member="nobody"))
"""
"""It remembers something else of a system whose name begins with `odd`: a header of the same size with another state."""

REFUSES = """
    def changed(event, context):
        before(event, context)
        if event.name.startswith("odd"):
            context.refuse("system", "Systems have even names.", "This one is odd.")
"""
"""It refuses a system whose name begins with `odd`: a shorter ledger than the others'."""

_CUSTOMIZE = """
import sys

if any("muniment.node.service.process" in each for each in sys.orig_argv):
    from muniment.core.rules import effects
    from muniment.core.rules.events import SystemRegistered

    before = effects.EFFECTS[SystemRegistered]
{change}
    effects.EFFECTS = {{**effects.EFFECTS, SystemRegistered: changed}}
"""


def environment(folder: Path, change: str) -> dict[str, str]:
    """The variables under which a node runs with a changed rule."""
    place = folder / "deviating"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_CUSTOMIZE.format(change=change))
    return {"PYTHONPATH": str(place)}
