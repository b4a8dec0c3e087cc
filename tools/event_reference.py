"""Write docs/events.md from the vocabulary's own types: `python tools/event_reference.py`."""

from __future__ import annotations

from pathlib import Path

from muniment.core.rules.events import reference

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "events.md"

if __name__ == "__main__":
    DOCUMENT.write_text(reference.render(), encoding="utf-8")
    print(f"wrote {DOCUMENT}")
