"""pruning: how many of the engine's blocks stay, and which of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.node.engine import pruning


def test_with_nothing_said_all_blocks_stay() -> None:
    assert [pruning.retain(0)(height) for height in (1, 1_000, 10**9)] == [0, 0, 0]


@pytest.mark.parametrize("kept", [1, 999, 1_000, 5_000, 100_000])
def test_never_fewer_stay_than_were_asked_for_nor_than_a_newcomer_needs(kept: int) -> None:
    first = pruning.retain(kept)
    for height in (1, kept - 1, kept, kept + 1, kept + 99, kept + 100, 10 * kept, 10**7 + 37):
        stays = height - first(height) + 1 if first(height) else height
        assert stays >= min(height, max(kept, pruning.LEAST_BLOCKS))
        assert stays < max(kept, pruning.LEAST_BLOCKS) + pruning.STEP or not first(height)
    assert first(10**7) > 0


def test_blocks_go_in_steps() -> None:
    first = pruning.retain(1_000)
    assert {first(height) for height in range(2_000, 2_300)} == {1_000, 1_100, 1_200, 1_300}


def test_the_oldest_files_of_the_log_go(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cs.wal"
    assert pruning.prune_wal(tmp_path) == 0
    folder.mkdir(parents=True)
    (folder / "wal").touch()
    (folder / "other").touch()
    for number in range(998, 1_012):
        (folder / f"wal.{number:03d}").touch()
    assert pruning.prune_wal(tmp_path) == 6
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(["other", "wal", *(f"wal.{number}" for number in range(1_004, 1_012))])
    assert pruning.prune_wal(tmp_path) == 0
