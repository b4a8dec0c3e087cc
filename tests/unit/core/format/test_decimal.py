"""Decimals: exact comparison of texts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.format import decimal
from muniment.errors import InvalidInput

texts = st.from_regex(r"\A-?[0-9]{1,12}(\.[0-9]{1,12})?(e-?[0-9]{1,2})?\Z")


@pytest.mark.parametrize(
    "text", ["1e401", "-1e-401", "1e999", "1.", ".5", "e5", "1E5", "+1", "1e+5", "1" * 41, "١", "1\n", "NaN", "", " 1"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decimal.parse(text)
    assert caught.value.code == "bad-decimal"


@given(left=texts, right=texts)
def test_comparison_is_exact(left: str, right: str) -> None:
    one, two = Fraction(left), Fraction(right)
    assert decimal.compare(left, right) == (one > two) - (one < two)
    assert decimal.holds(left, "ge", right) == (one >= two)
    assert decimal.holds(left, "lt", right) == (one < two)


@pytest.mark.parametrize(
    ("value", "comparator", "threshold", "holds"),
    [
        ("0.90", "eq", "0.9", True),
        ("9e-01", "eq", "0.9", True),
        ("-0", "eq", "0", True),
        ("0.1000000000000000055511151231257827", "gt", "0.1", True),
        ("1e400", "gt", "-1e400", True),
        ("1e-400", "le", "0", False),
        ("NaN", "eq", "NaN", False),
        ("Infinity", "ge", "0", False),
        ("0", "lt", "Infinity", False),
        ("-Infinity", "le", "0", False),
    ],
)
def test_no_float_decides(value: str, comparator: decimal.Comparator, threshold: str, holds: bool) -> None:
    assert decimal.holds(value, comparator, threshold) == holds


@given(st.floats())
def test_a_float_is_written_so_that_it_reads_back(number: float) -> None:
    text = decimal.format_float(number)
    if text not in decimal.NOT_NUMBERS:
        decimal.parse(text)
        assert float(text) == number
