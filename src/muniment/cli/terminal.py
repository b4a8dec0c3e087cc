"""What reaches a terminal: text that somebody else wrote, and nothing by which it could steer what is shown."""

from __future__ import annotations

import re

# What `click.style` writes for us; control characters, and those that turn or hide what stands beside them.
_own = re.compile(r"\x1b\[(?:[012]|3[1-6])m")
_steering = re.compile(
    r"\x1b\[(?:[012]|3[1-6])m|[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def plain(text: str) -> str:
    """A text without what steers a terminal or hides in it, whoever wrote it; our own emphasis and ends of lines stay."""
    return _steering.sub(lambda found: found[0] if _own.fullmatch(found[0]) or found[0] in "\n\t" else "\ufffd", text)
