"""The sentence that a person reads when a model is not what was recorded."""

from __future__ import annotations

import pytest

from muniment.core.format.difference import compare, sentence

NAMES = [f"part-{number:02}.json" for number in range(29)]


def listing(*names: str, **changed: str) -> dict[str, str]:
    return dict.fromkeys(names, "old") | changed


def tell(old: dict[str, str], new: dict[str, str]) -> str:
    return sentence(compare(old, new))


def test_the_sentence_of_the_design() -> None:
    old = listing("config.json", "model.safetensors", *NAMES)
    assert tell(old, old | {"config.json": "new"}) == "config.json changed (1 of 31 files); weights identical"


def test_without_weights_the_others_are_counted() -> None:
    old = listing("config.json", "readme.md", *NAMES)
    assert tell(old, old | {"config.json": "new"}) == "config.json changed (1 of 31 files); the other 30 are identical"


def test_changed_weights_are_never_called_identical() -> None:
    old = listing("config.json", "a.safetensors", "B.BIN")
    assert tell(old, old | {"B.BIN": "new"}) == "B.BIN changed (1 of 3 files); the other 2 are identical"
    assert tell(old, old | {"extra.pt": "new"}) == "extra.pt was added; the other 3 are identical"
    assert "weights" not in tell(old, {name: old[name] for name in ("config.json", "B.BIN")})


@pytest.mark.parametrize(
    "suffix", [".safetensors", ".bin", ".pt", ".gguf", ".onnx", ".pkl", ".joblib", ".h5", ".npz", ".pth", ".ckpt", ".keras"]
)
def test_what_counts_as_weights(suffix: str) -> None:
    old = listing("config.json", f"model{suffix}")
    assert tell(old, old | {"config.json": "new"}).endswith("; weights identical")


def test_nothing_changed() -> None:
    assert tell(listing("a", "b"), listing("a", "b")) == "all 2 files are identical"
    assert tell(listing("a"), listing("a")) == "the one file is identical"


def test_missing_added_and_changed_together() -> None:
    old = listing("a", "b", "c", "d")
    new = {"a": "new", "c": "old", "d": "old", "e": "old"}
    assert tell(old, new) == "a changed (1 of 4 files); b is missing (1 of 4 files); e was added; the other 2 are identical"


def test_many_names_are_cut_short() -> None:
    old = listing(*NAMES)
    assert tell(old, old | dict.fromkeys(NAMES[:2], "new")).startswith("part-00.json and part-01.json changed (2 of 29 files)")
    assert tell(old, old | dict.fromkeys(NAMES[:3], "new")).startswith("part-00.json, part-01.json and part-02.json changed")
    assert tell(old, old | dict.fromkeys(NAMES[:9], "new")).startswith("part-00.json, part-01.json and 7 more changed (9 of 29")
    assert tell(old, old | dict.fromkeys(["x", "y"], "new")) == "x and y were added; the other 29 are identical"


def test_everything_and_the_only_file() -> None:
    assert tell(listing("a", "b"), {"a": "new", "b": "new"}) == "all 2 files changed"
    assert tell(listing("a", "b"), {}) == "all 2 files are missing"
    assert tell(listing("a"), {"a": "new"}) == "a changed (the only file)"
    assert tell(listing("a"), {"b": "old"}) == "a is missing (the only file); b was added"
    assert tell(listing("a", "b"), {"a": "new", "b": "old"}) == "a changed (1 of 2 files); the other one is identical"


def test_the_four_parts() -> None:
    found = compare({"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1", "d": "1"})
    assert (found.changed, found.added, found.removed, found.same) == (("b",), ("d",), ("a",), ("c",))
    assert not found.is_empty
    assert compare({}, {}).is_empty
