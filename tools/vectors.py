"""Write the published vectors: `python tools/vectors.py [FOLDER]`, docs/spec/vectors where no folder is named.

The same code and the same fixed keys, times and texts give the same bytes every time; a test writes them anew and compares.
docs/spec/vectors.md says how to read each file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from published import (
    answers,
    consortium,
    envelopes,
    evidences,
    forms,
    headers,
    ledger,
    maps,
    notes,
    paths,
    receipts,
    refusals,
    story,
    trees,
    trusts,
)

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "spec" / "vectors"


def render() -> Mapping[str, str]:
    """Every file by name."""
    book, scribe = story.tell()
    made = {
        "answers": answers.write(book, scribe),
        "bundles": receipts.write_bundles(book, scribe),
        "consortium": consortium.write(),
        "decimals": forms.write_decimals(),
        "encoding": forms.write_encoding(),
        "envelopes": envelopes.write_envelopes(book, scribe),
        "events": envelopes.write_events(book, scribe),
        "evidence": evidences.write(),
        "headers": headers.write(book),
        "history": maps.write_history(),
        "key-requests": receipts.write_requests(),
        "keys": envelopes.list_seeds(),
        "ledger": ledger.write_ledger(book, scribe),
        "manifests": forms.write_manifests(),
        "notes": notes.write(book),
        "paths": paths.write(),
        "receipts": receipts.write_receipts(book, scribe),
        "refusals": refusals.write(book, scribe),
        "seals": forms.write_seals(),
        "state-map": maps.write_map(book),
        "tree": trees.write(),
        "trust": trusts.write(book),
    }
    return {f"{name}.json": json.dumps(value, indent=1) + "\n" for name, value in made.items()}


def main(arguments: list[str]) -> None:
    """Write all files to a folder."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, text in render().items():
        (folder / name).write_text(text, encoding="utf-8")
        total += len(text)
    print(f"wrote {total:,} bytes to {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
