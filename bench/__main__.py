"""`python -m bench [FAMILY ...] [--quick] [--output FILE]`"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import answers, audit, cli, consortium, disk, hashing, http, ingest, proofs, rules, table
from bench.measure import Result
from bench.sample import FULL, QUICK, Sample, Scale

FAMILIES = ("hashing", "cli", "http", "consortium", "audit", "rules", "answers", "ingest", "proofs", "disk")
SHARED = frozenset({"ingest", "proofs", "disk"})
RESULTS = Path(__file__).with_name("results.json")


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write the results."""
    options = _parse(arguments)
    found: list[Result] = []
    _say(table.head())
    with tempfile.TemporaryDirectory(prefix="muniment-bench-", dir=options.folder) as folder:
        for results in _measure(options.families or FAMILIES, QUICK if options.quick else FULL, Path(folder)):
            found += results
            for line in table.lines(results):
                _say(line)
    listed = [
        {**each._asdict(), "value": round(each.value, 4), "ratio": round(each.ratio, 4), "spread": round(each.spread, 4)}
        for each in found
    ]
    # Only a whole run replaces the results that are kept.
    output = options.output or (None if options.quick or options.families else RESULTS)
    if output is not None:
        output.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
        _say(f"written to {output}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Muniment against limits of the same run.")
    parser.add_argument(
        "families", nargs="*", choices=[*FAMILIES, []], metavar="FAMILY", help=f"any of {', '.join(FAMILIES)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, proves nothing about speed")
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        metavar="FILE",
        help="where to write the results (default: bench/results.json for a whole run, nowhere for a part or a quick one)",
    )
    parser.add_argument(
        "--folder", type=Path, default=None, metavar="DIR", help="on which disk to measure (default: that of temporary files)"
    )
    return parser.parse_args(arguments)


def _measure(families: Sequence[str], scale: Scale, folder: Path) -> Iterator[list[Result]]:
    """Family by family: first what needs the processors to itself, last what shares the large ledger."""
    if "hashing" in families:
        yield hashing.measure(scale, _subfolder(folder, "hashing"))
    if "cli" in families:
        yield cli.measure(scale, _subfolder(folder, "cli"))
    if "http" in families:
        yield http.measure(scale, _subfolder(folder, "http"))
    if "consortium" in families:
        yield consortium.measure(scale, _subfolder(folder, "consortium"))
    if "audit" in families:
        sample = Sample.create(_subfolder(folder, "audit") / "ledger.db", seed=2)
        sample.register(scale.audited // 2, block=100)
        for _ in range(scale.audited // 200):
            sample.engine.append(sample.notes(100))
        yield audit.measure(sample, scale)
        sample.close()
    if "rules" in families:
        yield rules.measure(scale, _subfolder(folder, "rules"))
    if "answers" in families:
        yield answers.measure(scale, _subfolder(folder, "answers"))
    if SHARED & set(families):
        yield from _measure_shared(families, scale, _subfolder(folder, "shared"))


def _measure_shared(families: Sequence[str], scale: Scale, folder: Path) -> Iterator[list[Result]]:
    sample = Sample.create(folder / "ledger.db")
    sample.register(scale.streams, block=1_000)
    if "ingest" in families:
        yield ingest.measure(sample, scale, folder)
    if "proofs" in families:
        yield proofs.measure(sample, scale, folder)
    if "disk" in families:
        yield disk.measure(sample, scale)
    sample.close()


def _subfolder(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
