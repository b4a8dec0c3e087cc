"""Hashing of model folders, against hashlib over the same files on as many threads.

The files are sparse: SHA-256 takes as long over zeros as over weights, and no disk has to hold or write them. They are read
from the page cache, so that the hash is the limit and not the disk.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import Result, Turns, peak_memory_mib
from bench.sample import Scale
from muniment.capture import files

FILES = 8
THREADS = 2
BUFFER_BYTES = 1024 * 1024
MAX_MEMORY_MIB = 80


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`hash.many` (eight files) and `hash.one` (one as large as all of them) in GB/s, and a process's memory for both."""
    many, one = folder / "many", folder / "one"
    for place in (many, one):
        place.mkdir()
    paths = [_create(many / f"part-{number}.bin", scale.file_bytes) for number in range(FILES)]
    single = _create(one / "model.bin", scale.file_bytes * FILES)
    turns = Turns()
    for _ in range(max(2, scale.rounds // 2)):
        turns.round(
            {
                "limit.many": lambda: _hash_all(paths, THREADS),
                "many": lambda: files.read(many, threads=THREADS),
                "limit.one": lambda: _hash(single),
                "one": lambda: files.read(one, threads=THREADS),
            }
        )
    gigabytes = scale.file_bytes * FILES / 1e9
    peak = _peak_of_another(many, one)
    return [
        _result("hash.many", turns, "many", gigabytes, "raw hashlib on two threads"),
        _result("hash.one", turns, "one", gigabytes, "raw hashlib on one thread"),
        Result("hash.memory", peak, "MiB", MAX_MEMORY_MIB / peak, f"{MAX_MEMORY_MIB} MiB, the whole process", 0.0),
    ]


def _result(name: str, turns: Turns, ours: str, gigabytes: float, of: str) -> Result:
    value = gigabytes / turns.median(ours, "wall")
    return Result(name, value, "GB/s", turns.ratio(f"limit.{ours}", ours, "wall"), of, turns.spread(ours, "wall"))


def _create(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    _hash(path)  # reads it into the page cache
    return path


def _hash(path: Path) -> bytes:
    hasher, buffer = hashlib.sha256(), bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(view[:count])
    return hasher.digest()


def _hash_all(paths: Sequence[Path], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_hash, paths))


def _peak_of_another(*folders: Path) -> float:
    """The peak memory of a fresh process that hashes these folders."""
    command = [sys.executable, "-m", "bench.hashing", *map(str, folders)]
    root = Path(__file__).resolve().parent.parent
    return float(subprocess.run(command, cwd=root, env=dict(os.environ), capture_output=True, check=True, text=True).stdout)


def main(folders: Sequence[str]) -> None:
    """Hash each folder and say how much memory that took."""
    for folder in folders:
        files.read(folder, threads=THREADS)
    sys.stdout.write(f"{peak_memory_mib()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
