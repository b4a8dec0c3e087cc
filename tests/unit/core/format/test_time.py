"""Times as text."""

from __future__ import annotations

import pytest

from muniment.core.format import time
from muniment.errors import InvalidInput


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"])
def test_a_time_is_read_and_written_alike(text: str) -> None:
    assert time.format(time.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04T12:00:00Z",
        "2026-03-04T12:00:00.000000+00:00",
        "2026-03-04 12:00:00.000000Z",
        "2026-03-04T12:00:00.000000Z\n",
        "2026-02-31T12:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-03-04T24:00:00.000000Z",
        "٢٠٢٦-03-04T12:00:00.000000Z",
        "",
    ],
)
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        time.parse(text)
    assert caught.value.code == "bad-time"


@pytest.mark.parametrize("microseconds", [10**40, -(10**40), 253_402_300_800_000_000])
def test_the_calendar_ends(microseconds: int) -> None:
    with pytest.raises(InvalidInput):
        time.format(microseconds)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-03-04", "2026-03-04T00:00:00.000000Z"),
        (" 2026-03-04T12:00Z ", "2026-03-04T12:00:00.000000Z"),
        ("2026-03-04T12:00:00.5+02:00", "2026-03-04T10:00:00.500000Z"),
    ],
)
def test_what_people_type(typed: str, expected: str) -> None:
    assert time.parse_loosely(typed) == expected


@pytest.mark.parametrize("typed", ["yesterday", "", "0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"])
def test_what_people_type_wrongly(typed: str) -> None:
    with pytest.raises(InvalidInput):
        time.parse_loosely(typed)
