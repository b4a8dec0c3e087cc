"""The next release of this software: it speaks protocol 2 as well, under which one rule is another.

    node.start(environment=releases.next_release(tmp_path))

The change goes in where Python begins: a `sitecustomize` that is on the path of what runs with these variables: nodes and commands.
"""

from __future__ import annotations

from pathlib import Path

_CUSTOMIZE = """
import sys

if any(each == "muniment" or each.startswith("muniment.") for each in sys.orig_argv):
    from muniment.core.format import entry
    from muniment.core.rules import effects
    from muniment.core.rules.events import SystemRegistered
    from muniment.core.rules.overlay import Overlay
    from muniment.core.rules.records import Protocol

    before = effects.EFFECTS[SystemRegistered]

    def changed(event, context):
        before(event, context)
        # The number before the block, which its header names: an upgrade in the same block does not act yet.
        in_force = Overlay(context.overlay.reader).read("protocol", Protocol)
        if in_force.number == 2 and event.name.startswith("odd"):
            context.refuse("system", "From protocol 2 on, systems have even names.", "This one is odd.")

    entry.PROTOCOLS = frozenset({1, 2})
    effects.EFFECTS = {**effects.EFFECTS, SystemRegistered: changed}
"""


def next_release(folder: Path) -> dict[str, str]:
    """The variables under which nodes and commands are of the next release."""
    place = folder / "next-release"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_CUSTOMIZE)
    return {"PYTHONPATH": str(place)}
