"""Keep what a release writes, to be verified for ever: `python tools/release.py tests/compat/VERSION`. Done once for a release.

The demo's ledger (without its keys), and a file of every kind that it hands out: each question's answer, a receipt, a bundle, and
the evidence of two histories that one of its attacks leaves behind.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = Path(sys.executable).with_name("muniment")
MODEL, PLACE = "tumour-screen", "production/tumour-screen"
QUESTIONS = {
    "at": ["at", PLACE, "now"],
    "blame": ["blame", f"{MODEL}@1", "C"],
    "bundle": ["bundle", f"{MODEL}@1"],
    "claim": ["prove", f"{MODEL}@2", "--that", "on-hold"],
    "diff": ["diff", f"{MODEL}@1", f"{MODEL}@2"],
    "entry": ["prove", "25"],
    "history": ["history", f"model/{MODEL}"],
    "impact": ["impact", "biopsies-south"],
    "lineage": ["lineage", f"{MODEL}@1"],
    "state": ["prove", "--state", f"deployment/{PLACE}", "--state", "model/none"],
}


def main(target: Path) -> None:
    """Record a release in a new folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        run("demo", "--dir", str(demo))
        home = ["--home", str(demo / ".muniment"), "--actor", "ada"]
        run("backup", str(target / "ledger"), *home)
        for name, question in QUESTIONS.items():
            run(*question, "--out", str(target / f"{name}.json"), *home)
        run("prove", "25", "--receipt", "--out", str(target / "receipt.tlog-proof"), *home)
        subprocess.run(
            [str(COMMAND), "gate", PLACE, str(demo / "models" / "1"), "--receipt", str(target / "gate.json"), *home], check=False
        )
        evidence = next(path for path in sorted(demo.rglob("*.json")) if b"urn:muniment:evidence:v1" in path.read_bytes())
        shutil.copy(evidence, target / "evidence.json")


def run(*arguments: str) -> None:
    """A command that works."""
    subprocess.run([str(COMMAND), *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
