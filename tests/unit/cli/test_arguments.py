"""cli.arguments and cli.output: how values are written on the command line, and told."""

from __future__ import annotations

import click
import pytest

from muniment.cli import arguments, output


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6", 6),
        ("-6", -6),
        ("007", "007"),
        (".5", 0.5),
        ("1.", "1."),
        ("0.10", 0.1),
        ("1e-3", 0.001),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("adam", "adam"),
        ("1.2.3", "1.2.3"),
        ("", ""),
        ("nan", "nan"),
        ("e", "e"),
        ("e5", "e5"),
        ("-", "-"),
        ("two words", "two words"),
    ],
)
def test_parse_scalar(text: str, value: object) -> None:
    parsed = arguments.parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_parse_pairs() -> None:
    assert arguments.parse_pairs(["a=b=c", "d="], "--param") == [("a", "b=c"), ("d", "")]
    for text in ("a", "=b", ""):
        with pytest.raises(click.UsageError, match="--param takes key=value"):
            arguments.parse_pairs([text], "--param")


@pytest.mark.parametrize(
    ("text", "told"), [("0.90", "0.90"), (".9", "0.9"), ("1e+3", "1000.0"), ("nan", "NaN"), ("-inf", "-Infinity"), ("-3", "-3")]
)
def test_parse_decimal(text: str, told: str) -> None:
    assert arguments.parse_decimal(text, "it") == told


def test_parse_map() -> None:
    assert arguments.parse_map(["a=1", "b=2"], "--param") == {"a": "1", "b": "2"}
    with pytest.raises(click.UsageError, match="--param a is given twice"):
        arguments.parse_map(["a=1", "b=2", "a=3"], "--param")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("4h", 14_400), ("7d", 604_800)])
def test_a_length_of_time(text: str, seconds: int) -> None:
    assert arguments.Length().convert(text, None, None).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "0", "4 h", "-1", "1w", "h"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no length of time"):
        arguments.Length().convert(text, None, None)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (["production"], "production"),
        (["--environment", "production"], "production"),
        (["x", "--environment", "x"], "x"),
        ([], None),
    ],
)
def test_the_environment_as_argument_or_option(given: list[str], chosen: str | None) -> None:
    found: list[object] = []

    @click.command()
    @arguments.environment(required=False)
    def command(environment: str | None) -> None:
        found.append(environment)

    command.main(given, standalone_mode=False)
    assert found == [chosen]


@pytest.mark.parametrize("given", [[], ["production", "--environment", "staging"]])
def test_no_environment_and_two(given: list[str]) -> None:
    @click.command()
    @arguments.environment()
    def command(environment: str) -> None:
        raise AssertionError(environment)

    with pytest.raises(click.UsageError, match="ENVIRONMENT"):
        command.main(given, standalone_mode=False)


def test_parse_metrics() -> None:
    assert arguments.parse_metrics(["auc=0.907", "loss=1e-7"]) == {"auc": "0.907", "loss": "1e-7"}
    with pytest.raises(click.UsageError, match="--metric auc is given twice"):
        arguments.parse_metrics(["auc=1", "auc=2"])
    with pytest.raises(click.UsageError, match="The metric auc is a number, not 'high'"):
        arguments.parse_metrics(["auc=high"])


def test_parse_time() -> None:
    assert arguments.parse_time(None) is None
    assert arguments.parse_time("2027-01-01") == "2027-01-01T00:00:00.000000Z"
    assert arguments.parse_time("2027-01-01T01:00+01:00") == "2027-01-01T00:00:00.000000Z"


def test_every_comparator_has_a_sign_and_words() -> None:
    assert {*arguments.COMPARATORS.values()} == {*arguments.SIGNS}


@pytest.mark.parametrize(
    ("count", "size", "told"),
    [(1, 0, "1 file, 0 bytes"), (2, 999, "2 files, 999 bytes"), (3, 1234, "3 files, 1.23 kB"), (1, 5 * 10**14, "1 file, 500 TB")],
)
def test_files(count: int, size: int, told: str) -> None:
    assert output.files(count, size) == told


def test_a_table_is_as_wide_as_its_cells() -> None:
    lines = [
        click.unstyle(line) for line in output.table([["1", output.bad("long cell"), "x"], ["22", "y", ""]], ["n", "what", "z"])
    ]
    assert lines == ["n   what       z", "1   long cell  x", "22  y"]
