"""client.moments: times as people give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from muniment.client import moments
from muniment.errors import InvalidInput


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-04",
        "2026-03-04T00:00Z",
        "2026-03-04T00:00:00.000000Z",
        "2026-03-04T01:00+01:00",
        datetime(2026, 3, 4, tzinfo=UTC),
        datetime(2026, 3, 4, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 3, 4),
    ],
)
def test_one_moment_in_many_forms(moment: str | datetime) -> None:
    assert moments.write(moment) == "2026-03-04T00:00:00.000000Z"


def test_a_length_of_time_counts_from_now() -> None:
    before = moments.now()
    found = moments.write(timedelta(hours=4))
    assert before < found < moments.write(timedelta(hours=5))


def test_what_is_no_moment() -> None:
    with pytest.raises(InvalidInput):
        moments.write("tomorrow")
