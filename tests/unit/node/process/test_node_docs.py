"""docs/consortium.md and the unit in deploy/: what they say exists, and what exists they say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from muniment.cli.commands.node import command as node
from muniment.node import alarms
from muniment.node.settings import NodeSettings

ROOT = Path(__file__).resolve().parents[4]
DOCS = (ROOT / "docs" / "consortium.md").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "muniment-node.service").read_text(encoding="utf-8")


def codes() -> set[str]:
    """The alarm codes that the module lists."""
    listed = re.search(r"Codes: ([a-z,\s-]+)\.", alarms.__doc__ or "")
    assert listed is not None
    return set(re.split(r",\s+", listed[1]))


def sounded() -> set[str]:
    """The codes that the source sounds or says."""
    found: set[str] = set()
    for path in (ROOT / "src" / "muniment" / "node").rglob("*.py"):
        found |= set(re.findall(r"(?:sound|_say)\(\s*\"([a-z-]+)\"", path.read_text(encoding="utf-8")))
    return found


def rows(title: str) -> set[str]:
    """The first cells, in code, of the table whose head begins so."""
    table = DOCS.partition(f"| {title} |")[2].partition("\n\n")[0]
    return {
        name for line in table.splitlines() for name in re.findall(r"`([^`]+)`", line.split("|")[1] if line.startswith("|") else "")
    }


def test_every_alarm_is_explained() -> None:
    assert rows("alarm") == codes()
    assert sounded() <= codes()


def test_every_setting_is_explained() -> None:
    assert {each.strip("[]") for each in rows("setting")} == set(NodeSettings.__struct_fields__)


def test_the_unit_starts_a_node_with_options_that_there_are() -> None:
    said: dict[str, str] = dict(re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.replace("\\\n", " "), re.MULTILINE))
    words = shlex.split(said["ExecStart"])
    assert words[:3] == ["/opt/muniment/bin/muniment", "node", "start"]
    options = {option for each in node.commands["start"].params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= options
    assert said["Type"] == "notify"
    assert said["KillMode"] == "mixed"
    assert said["User"] == "muniment"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_finds_nothing_wrong_with_the_unit_of_a_node(tmp_path: Path) -> None:
    # Only the program is not where the unit expects it.
    copy = tmp_path / "muniment-node.service"
    copy.write_text(UNIT.replace("/opt/muniment/bin/muniment node", "/bin/true node"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
