"""Uses all of the core under an audit hook and prints every file and socket that it asked for: `python watching.py VECTORS`.

For a process of its own, because a hook cannot be taken off again. Modules are files too: what the import system opens is let
pass, by the ending of its name.
"""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

CODE = (".py", ".pyc", ".so", ".pth")
WATCHED = (
    "open",
    "os.",
    "socket.",
    "subprocess.",
    "shutil.",
    "tempfile.",
    "urllib.",
    "http.",
    "sqlite3.",
    "pty.",
    "mmap.",
    "fcntl.",
)
# How the import system looks for modules.
LOOKING = ("os.listdir", "os.scandir")


def main(folder: Path) -> None:
    """Read the vectors, then watch: the import of every module of the core, and what they are for."""
    vectors = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    seen: list[str] = []
    importing = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        module = event == "open" and str(arguments[0]).endswith(CODE)
        if event.startswith(WATCHED) and not module and not (importing[0] and event in LOOKING):
            seen.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(watch)
    core = importlib.import_module("muniment.core")
    names = [found.name for found in pkgutil.walk_packages(core.__path__, "muniment.core.")]
    modules = {name: importlib.import_module(name) for name in names}
    importing[0] = False
    before = set(sys.modules)
    work(vectors, modules)
    print(json.dumps({"modules": len(modules), "seen": seen, "late": sorted(set(sys.modules) - before)}))


def work(vectors: dict[str, Any], modules: dict[str, Any]) -> None:
    """Encode, apply, prove and verify."""
    named = ("rules.beginning", "rules.chain", "format.entry", "rules.genesis")
    beginning, chain, entry, genesis = (modules[f"muniment.core.{name}"] for name in named)
    state_map, merkle, events = (modules[f"muniment.core.{name}"] for name in ("format.state_map", "format.merkle", "rules.events"))
    blocks = vectors["ledger"]["blocks"]
    header = entry.decode_header(base64.b64decode(blocks[0]["header"]["entry"]))
    founding = genesis.decode(bytes(header.genesis))
    transition = beginning.found(founding, header.time)
    rows = sorted((key, state_map.leaf(key, value)) for key, value in transition.records.items())
    sealed = beginning.seal(founding, header.time, state_map.bulk(rows))
    assert sealed.position.ledger == vectors["ledger"]["ledger"]
    reader = _Reader(transition.records, [sealed.raw])
    submissions = chain.open_submissions([base64.b64decode(each["entry"]) for each in blocks[1]["entries"]])
    for submission in submissions:
        assert events.encode(submission.event) == submission.envelope.payload
    block = chain.Block(sealed.position, chain.policy_in_force(reader), blocks[1]["time"], submissions)
    assert all(verdict.decision == "admitted" for verdict in chain.apply(reader, block).verdicts)
    leaves = [submission.leaf for submission in submissions]
    merkle.check_inclusion(leaves[0], 0, len(leaves), merkle.prove_inclusion(leaves, 0), merkle.root(leaves))
    tree = state_map.Tree.decode([], 0)
    tree.commit(tree.build(tree.plan([]), [], {}))
    _verify(vectors, modules)


def _verify(vectors: dict[str, Any], modules: dict[str, Any]) -> None:
    trust, verify, manifest = (modules[f"muniment.core.{name}"] for name in ("proof.trust", "proof.verify", "format.manifest"))
    files = {case["name"]: trust.parse(case["text"]) for case in vectors["trust"]["good"]}
    trust.format(files["witnessed"])
    for case in vectors["answers"]["good"]:
        raw = json.dumps(case["answer"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        if "pin" not in case:
            verify.tell(verify.verify_answer(raw, files[case["trust"]], now=case.get("now"), max_age=case.get("maxAge")))
    bundle = vectors["bundles"]["good"][0]["bundle"]
    raw = json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    verify.tell_bundle(verify.verify_bundle(raw, files["solo"]))
    for case in vectors["manifests"]["good"]:
        manifest.root(manifest.decode(case["manifest"].encode()))
    modules["muniment.core.rules.events.reference"].render()


class _Reader:
    """The rules' reader over a genesis."""

    def __init__(self, records: dict[bytes, bytes], entries: list[bytes]) -> None:
        self.records, self.entries = records, entries

    def state(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def event(self, index: int) -> bytes:
        return self.entries[index]

    def find(self, event_id: str) -> None:
        return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
