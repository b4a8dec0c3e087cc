"""What changed between two listings of files, and the sentence that says so (docs/spec, section 2.2).

    sentence(compare({"config.json": "9f86…"}, {"config.json": "51c2…"}))   # "config.json changed (the only file)"

Names and digests decide; a digest already binds the length of a file.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_NAMED = 3

# Suffixes of files that hold learned numbers. Rather too many than too few: "weights identical" must never be said wrongly.
_WEIGHTS = (
    *(".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".pkl", ".pickle", ".joblib"),
    *(".h5", ".hdf5", ".keras", ".npz", ".npy", ".tflite", ".msgpack", ".pb"),
)


class Difference(msgspec.Struct, frozen=True):
    """What two listings do not share, and what they do: sorted paths. A file that was renamed is removed and added."""

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    same: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the two are identical."""
        return not (self.changed or self.added or self.removed)


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> Difference:
    """What changed from `old` to `new`, both path to digest."""
    common = sorted(old.keys() & new.keys())
    return Difference(
        changed=tuple([path for path in common if old[path] != new[path]]),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        same=tuple([path for path in common if old[path] == new[path]]),
    )


def sentence(difference: Difference) -> str:
    """The difference as a person would tell it: "config.json changed (1 of 31 files); weights identical".

    "weights identical" is said only where there are weights and every file of them is unchanged; otherwise it is
    "the other 30 are identical". The count is of the files in the older listing.
    """
    changed, added, removed, same = difference.changed, difference.added, difference.removed, difference.same
    recorded = len(changed) + len(removed) + len(same)
    if difference.is_empty:
        return "the one file is identical" if recorded == 1 else f"all {recorded} files are identical"
    clauses = []
    if changed:
        clauses.append(f"{_name(changed, recorded)} changed{_share(changed, recorded)}")
    if removed:
        verb = "is" if len(removed) == 1 else "are"
        clauses.append(f"{_name(removed, recorded)} {verb} missing{_share(removed, recorded)}")
    if added:
        clauses.append(f"{_name(added, None)} {'was' if len(added) == 1 else 'were'} added")
    if _hold_weights(same) and not _hold_weights((*changed, *added, *removed)):
        clauses.append("weights identical")
    elif same:
        clauses.append("the other one is identical" if len(same) == 1 else f"the other {len(same)} are identical")
    return "; ".join(clauses)


def _name(paths: tuple[str, ...], recorded: int | None) -> str:
    """Some paths in words, at most three of them by name."""
    if len(paths) == recorded and len(paths) > 1:
        return f"all {recorded} files"
    if len(paths) == 1:
        return paths[0]
    if len(paths) <= _NAMED:
        return f"{', '.join(paths[:-1])} and {paths[-1]}"
    return f"{', '.join(paths[: _NAMED - 1])} and {len(paths) - _NAMED + 1} more"


def _share(paths: tuple[str, ...], recorded: int) -> str:
    if recorded == 1:
        return " (the only file)"
    return "" if len(paths) == recorded else f" ({len(paths)} of {recorded} files)"


def _hold_weights(paths: tuple[str, ...]) -> bool:
    return any(path.lower().endswith(_WEIGHTS) for path in paths)
