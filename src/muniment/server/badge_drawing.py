"""How a badge looks: two fields in one line. No font, image or script from anywhere, and its own light ground everywhere."""

from __future__ import annotations

from html import escape
from types import MappingProxyType
from typing import Literal

Tone = Literal["good", "plain", "bad"]

HEIGHT = 24
PADDING = 9.0
MARK = 16.0
FONT = "Verdana,DejaVu Sans,Liberation Sans,Arial,sans-serif"
SIZE = 11
MAX_CHARACTERS = 64

# Ground, edge and text of the right field. The text is as dark as WCAG AA asks for on its ground (4.5 to 1), and more.
_COLOURS = MappingProxyType(
    {"good": ("#e6f2ea", "#1d6b3a"), "plain": ("#eceae5", "#3d454b"), "bad": ("#fbe9e7", "#a3231f")},
)
_LEFT, _INK, _LINE = "#fdfcfa", "#1d2327", "#b9b4aa"
# Widths of Verdana at 11 px; `textLength` makes other fonts as wide.
_WIDTHS = MappingProxyType(
    {
        **dict.fromkeys("fijlrt.,:;!|'()[]/ -", 4.6),
        **dict.fromkeys("mw", 10.2),
        **dict.fromkeys("MW@%", 10.6),
        **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 7.9),
    }
)
_USUAL = 6.8


def draw(name: str, says: str, tone: Tone, page: str) -> bytes:
    """A badge in UTF-8. `page` is told to those who look into the picture, or hear it read."""
    left, right = _cut(name), _cut(says)
    first = MARK + 2 * PADDING + _measure(left) - 2
    whole = round(first + 2 * PADDING + _measure(right), 1)
    ground, ink = _COLOURS[tone]
    at = first + PADDING
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{HEIGHT}" viewBox="0 0 {whole} {HEIGHT}"'
        ' role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(name)}: {escape(says)}</title>',
        f'<desc id="desc">As the ledger says; the proof is at {escape(page)}</desc>',
        f'<rect x="0.5" y="0.5" width="{whole - 1:.1f}" height="{HEIGHT - 1}" rx="4" fill="{_LEFT}"/>',
        f'<path d="M{first:.1f} 0.5H{whole - 4.5:.1f}a4 4 0 0 1 4 4V{HEIGHT - 4.5}a4 4 0 0 1-4 4H{first:.1f}Z" fill="{ground}"/>',
        f'<rect x="0.5" y="0.5" width="{whole - 1:.1f}" height="{HEIGHT - 1}" rx="4" fill="none" stroke="{_LINE}"/>',
        f'<path d="M{first:.1f} 1V{HEIGHT - 1}" stroke="{_LINE}"/>',
        # The mark: a sheet with lines, and its seal.
        f'<path d="M8.5 6h7.5v7" fill="none" stroke="{_INK}" stroke-width="1.2"/>'
        f'<path d="M8.5 6v12h5M10.6 9.2h3.4M10.6 12h2.4" fill="none" stroke="{_INK}" stroke-width="1.2"/>'
        f'<circle cx="16" cy="16" r="2.4" fill="{ink}"/>',
        _text(MARK + PADDING - 2, left, _INK),
        _text(at, right, ink),
        "</svg>",
    )
    return ("\n".join(lines) + "\n").encode()


def _text(at: float, text: str, colour: str) -> str:
    return (
        f'<text x="{at:.1f}" y="16" font-family="{FONT}" font-size="{SIZE}" fill="{colour}"'
        f' textLength="{_measure(text):.1f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )


def _measure(text: str) -> float:
    return sum(_WIDTHS.get(each, _USUAL) for each in text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
