"""tree.json: RFC 6962 roots, proofs, and the C2SP tiles that hold them."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.core.format import merkle, tiles
from muniment.core.format.tiles import Bundle, Tile
from published.cast import Json, encode64

ENTRIES = [f"entry {number}".encode() for number in range(21)]
LEAVES = [merkle.leaf(entry) for entry in ENTRIES]
INCLUDED = ((0, 1), (0, 2), (3, 7), (6, 7), (7, 8), (0, 21), (15, 21), (16, 21), (20, 21))
CONSISTENT = ((1, 1), (1, 2), (2, 3), (4, 8), (6, 7), (7, 21), (16, 21), (20, 21), (21, 21))


def write() -> Json:
    """A small tree over short texts."""
    return {
        "about": "docs/spec 8. Leaf i is over the text `entry <i>`. Hashes of proofs are base64.",
        "roots": [merkle.root(LEAVES[:size]).hex() for size in range(len(LEAVES) + 1)],
        "inclusion": [_include(index, size) for index, size in INCLUDED],
        "consistency": [_extend(old, new) for old, new in CONSISTENT],
        "badInclusion": _list_bad_inclusion(),
        "badConsistency": _list_bad_consistency(),
        "paths": [_place(resource) for resource in PLACES],
        "badPaths": list(BAD_PATHS),
        "bundle": {"entries": [encode64(entry) for entry in ENTRIES[:3]], "bytes": encode64(tiles.encode_bundle(ENTRIES[:3]))},
        "badBundles": [
            {"name": "no entry", "bytes": "", "code": "bad-bundle"},
            {"name": "a length cut off", "bytes": encode64(b"\0"), "code": "bad-bundle"},
            {"name": "an entry cut off", "bytes": encode64(b"\0\2a"), "code": "bad-bundle"},
            {"name": "bytes left over", "bytes": encode64(b"\0\1a\0"), "code": "bad-bundle"},
        ],
    }


PLACES: tuple[Tile | Bundle, ...] = (
    Tile(0, 0),
    Tile(0, 0, 5),
    Tile(0, 1_067),
    Tile(1, 999, 255),
    Tile(63, 1_234_067),
    Bundle(0, 1),
    Bundle(1_000_000),
)
BAD_PATHS = (
    "tile/0/1",
    "tile/00/000",
    "tile/64/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/05",
    "tile/0/x000/001",
    "tile/0/x1/067",
    "/tile/0/000",
    "tile/data/000",
    "tile/0/000\n",
)


def _include(index: int, size: int) -> Json:
    proof = merkle.prove_inclusion(LEAVES[:size], index)
    return {"index": index, "size": size, "proof": _list(proof)}


def _extend(old: int, new: int) -> Json:
    return {"old": old, "new": new, "proof": _list(merkle.prove_consistency(LEAVES[:new], old))}


def _list(proof: Sequence[bytes]) -> list[str]:
    return [encode64(hash_) for hash_ in proof]


def _place(resource: Tile | Bundle) -> Json:
    level = "entries" if isinstance(resource, Bundle) else resource.level
    return {"level": level, "index": resource.index, "width": resource.width, "path": tiles.path(resource)}


def _list_bad_inclusion() -> list[Json]:
    proof = merkle.prove_inclusion(LEAVES[:7], 3)
    cases = (
        ("another leaf", 2, 7, proof, "inclusion-root"),
        ("another size", 3, 9, proof, "inclusion-length"),
        ("a hash too few", 3, 7, proof[:-1], "inclusion-length"),
        ("a hash too many", 3, 7, (*proof, proof[0]), "inclusion-length"),
        ("hashes in another order", 3, 7, proof[::-1], "inclusion-root"),
        ("an index beyond the tree", 7, 7, proof, "inclusion-index"),
    )
    root = merkle.root(LEAVES[:7]).hex()
    return [
        {"name": name, "leaf": LEAVES[3].hex(), "index": index, "size": size, "proof": _list(hashes), "root": root}
        | {"step": 7, "code": code}
        for name, index, size, hashes, code in cases
    ]


def _list_bad_consistency() -> list[Json]:
    proof = merkle.prove_consistency(LEAVES[:7], 3)
    roots = {size: merkle.root(LEAVES[:size]).hex() for size in (2, 3, 7)}
    cases = (
        ("another old root", 3, 7, proof, roots[2], roots[7], "consistency-old-root"),
        ("another new root", 3, 7, proof, roots[3], roots[2], "consistency-new-root"),
        ("two roots of one size", 3, 3, (), roots[3], roots[2], "consistency-new-root"),
        ("a hash too few", 3, 7, proof[:-1], roots[3], roots[7], "consistency-length"),
        ("a hash between equal sizes", 3, 3, proof[:1], roots[3], roots[3], "consistency-length"),
        ("backwards", 7, 3, proof, roots[7], roots[3], "consistency-size"),
        ("from nothing", 0, 7, (), merkle.EMPTY.hex(), roots[7], "consistency-size"),
    )
    return [
        {"name": name, "old": old, "new": new, "proof": _list(hashes), "oldRoot": before, "newRoot": after, "step": 5, "code": code}
        for name, old, new, hashes, before, after, code in cases
    ]
