"""The messages of ABCI: what protoc wrote is current, is CometBFT's on the wire, and stands beside anybody else's."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import descriptor_pool, json_format

import golang
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.engine import release

REPOSITORY = Path(__file__).resolve().parents[4]
TOOL = REPOSITORY / "tools" / "abci_messages.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("abci_messages", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_python_is_what_protoc_makes_of_the_definitions(tool: ModuleType) -> None:
    made = tool.render()
    assert sorted(made) == sorted(path.name for path in tool.FOLDER.iterdir() if "_pb2" in path.name)
    for name, text in made.items():
        assert (tool.FOLDER / name).read_text(encoding="utf-8") == text, "run: python tools/abci_messages.py"


def test_the_definitions_are_those_of_the_engine(tool: ModuleType, tmp_path: Path) -> None:
    # Where Go built the engine the source lies here already.
    said = golang.run_go(tmp_path, "mod", "download", "-json", f"{release.MODULE}@v{tool.VERSION}")
    source = Path(json.loads(said)["Dir"])
    for name, ours in tool.SOURCES.items():
        text = (source / "proto" / "tendermint" / f"{name}.proto").read_text(encoding="utf-8")
        assert (tool.FOLDER / f"{ours}.proto").read_text(encoding="utf-8") == tool.strip(name, text), f"run: python {TOOL} {source}"
    assert (tool.FOLDER / "NOTICE").read_bytes() == (source / "NOTICE").read_bytes()


def test_no_name_is_taken_from_others() -> None:
    """protobuf knows messages and files by name in the whole process, and another package may bring CometBFT's own."""
    pool = descriptor_pool.Default()
    for name in ("tendermint.abci.Request", "tendermint.crypto.PublicKey", "tendermint.types.ConsensusParams"):
        with pytest.raises(KeyError):
            pool.FindMessageTypeByName(name)
    assert abci.DESCRIPTOR.name == "muniment/node/abci/proto/types.proto"


def test_the_engines_names_in_json_are_kept() -> None:
    shown = json_format.MessageToDict(abci.ExecTxResult(gas_wanted=1, gas_used=2, codespace="a"))
    assert shown == {"gas_wanted": "1", "gas_used": "2", "codespace": "a"}


def test_known_bytes_are_read() -> None:
    # Written by hand after types.proto: field 6 of Request (query), in it path (2) and height (3).
    raw = bytes([0x32, 0x07, 0x12, 0x03, *b"abc", 0x18, 0x05])
    request = abci.Request.FromString(raw)
    assert request.WhichOneof("value") == "query"
    assert (request.query.path, request.query.height) == ("abc", 5)
    assert request.SerializeToString() == raw


def test_nothing_of_it_is_read_before_it_is_needed() -> None:
    script = "import sys, muniment.cli.main, muniment.node; print('google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
