"""SVG as text: elements with escaped attributes and content, numbers in short, no style and no script."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

# What XML 1.0 has no form for, not even escaped.
_unspeakable = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attribute = str | int | float


def element(name: str, attributes: Mapping[str, Attribute], *children: str) -> str:
    """An element; children are SVG text already (`escape` makes it of any text)."""
    said = "".join(f' {key}="{escape(_write(value))}"' for key, value in attributes.items())
    inner = "".join(children)
    return f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>"


def write_text(x: float, y: float, content: str, class_: str, anchor: str = "start") -> str:
    """A line of text whose baseline begins, or as `anchor` says has its middle or end, at (x, y)."""
    return element("text", {"x": x, "y": y, "class": class_, "text-anchor": anchor}, escape(content))


def draw_figure(width: float, height: float, named: tuple[str, str, str], *children: str, class_: str = "figure") -> str:
    """A whole drawing of a size in pixels. `named` is its id, which is unique in the page, its title and its description."""
    id_, title, description = named
    return element(
        "svg",
        {
            "class": class_,
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "width": width,
            "height": height,
            "role": "group",
            "aria-labelledby": f"{id_}-title {id_}-text",
        },
        element("title", {"id": f"{id_}-title"}, escape(title)),
        element("desc", {"id": f"{id_}-text"}, escape(description)),
        *children,
    )


def escape(text: str) -> str:
    """Any text as XML character data or the value of an attribute; what XML cannot hold becomes U+FFFD."""
    return html.escape(_unspeakable.sub("\ufffd", text))


def number(value: float) -> str:
    """A coordinate to the hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def shorten(text: str, characters: int) -> str:
    """A text that fits: its middle left out where it is longer than so many characters."""
    if len(text) <= characters:
        return text
    head = (characters - 1 + 1) // 2
    return f"{text[:head]}…{text[len(text) - (characters - 1 - head) :]}"


def _write(value: Attribute) -> str:
    return value if isinstance(value, str) else number(value)
