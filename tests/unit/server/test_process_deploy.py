"""deploy/ and docs/server.md: what they say exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from muniment.cli.commands.serve import command
from muniment.cli.commands.tokens import command as tokens
from muniment.client import home as homes
from muniment.server.process import options
from muniment.server.process.assembly import assemble
from muniment.server.settings import Limits, Provider, Served, Settings

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
DOCS = (ROOT / "docs" / "server.md").read_text()
OPTIONS = {option for each in command.params for option in each.opts}
LEDGER = ["--home", "--origin", "--actor"]


def flags(line: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in line if word.startswith("--")}


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "muniment.service").read_text().replace("\\\n", " ").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_starts_what_there_is_and_gives_nothing_away() -> None:
    said = unit()
    (start,) = said["ExecStart"]
    words = shlex.split(start)
    assert words[:2] == ["/opt/muniment/bin/muniment", "serve"]
    assert flags(words) <= OPTIONS
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "User": "muniment",
        "CapabilityBoundingSet": "",
        "StateDirectory": "muniment",
        "KillMode": "mixed",
        "Type": "notify",
    }.items():
        assert said[key] == [value]
    credentials = {each.partition(":")[0] for each in said["LoadCredential"]}
    assert {word.removeprefix("%d/") for word in words if word.startswith("%d/")} == credentials


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    # Only the program is not where the unit expects it.
    copy = tmp_path / "muniment.service"
    copy.write_text((DEPLOY / "muniment.service").read_text().replace("/opt/muniment/bin/muniment serve", "/bin/true serve"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_runs_the_image_without_rights() -> None:
    said = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service: dict[str, Any] = said["services"]["muniment"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Containerfile"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert {volume.partition(":")[0] for volume in service["volumes"]} == set(said["volumes"])
    assert not re.search(r"[a-z0-9-]+\.(io|com|org|dev)/[a-z]+/", (DEPLOY / "compose.yaml").read_text())


def test_the_containerfile_copies_what_there_is_and_names_no_registry() -> None:
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    for name, rest in steps:
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    users = [rest for name, rest in steps if name == "USER"]
    assert users == ["10001:10001"]
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
    assert [rest for name, rest in steps if name == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]
    (base,) = [rest for name, rest in steps if name == "ARG"]
    assert "/" not in base
    (start,) = [rest for name, rest in steps if name == "CMD"]
    assert flags(msgspec.json.decode(start, type=list[str])) <= OPTIONS
    assert any(name == "HEALTHCHECK" and "/readyz" in rest for name, rest in steps)
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().split()
    assert {"!src", "!requirements/server.lock"} <= set(ignored)


def test_commands_in_comments_are_right() -> None:
    words = (DEPLOY / "compose.yaml").read_text().split("name: muniment")[0].replace(",", " ").replace(".\n", " ").split()
    assert "--scope" in words
    assert flags(words) <= {*LEDGER, "--rm", "--name", "--scope", "--proxy", "--url", *OPTIONS}


def test_the_documented_file_is_taken(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
    file = tmp_path / "server.toml"
    file.write_text(text)
    settings = options.resolve({}, tmp_path, file)
    assert [each.name for each in settings.ledgers] == ["", "fraud"]
    assert tomllib.loads(text)["limits"]["body_bytes"] == Limits().body_bytes


def test_every_setting_and_limit_is_documented() -> None:
    for name in (field for type_ in (Settings, Served, Limits, Provider) for field in type_.__struct_fields__):
        assert re.search(rf"`{name}`|^{name} = |\[\[?{name}\]", DOCS, re.MULTILINE), name
    for option in re.findall(r"`(--[a-z-]+)", DOCS):
        assert option in OPTIONS, option
    asked = re.findall(r"^muniment tokens create (.*)$", DOCS, re.MULTILINE)
    known = {option for each in tokens.commands["create"].params for option in each.opts}  # type: ignore[attr-defined]
    assert asked
    assert flags(shlex.split(" ".join(asked))) <= known


def test_every_documented_figure_exists(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "ledger", origin="example.com/figures", actor="alice")
    assembled = assemble(options.resolve({}, home.folder, None))
    text = assembled.telemetry.metrics.expose()
    assembled.close()
    documented = set(re.findall(r"`(muniment_[a-z_]+)`", DOCS))
    assert documented
    for name in documented:
        assert f"# TYPE {name} " in text or f"# TYPE {name.removesuffix('_total')} " in text, name
