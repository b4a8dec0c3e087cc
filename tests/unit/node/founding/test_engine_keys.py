"""Keys in CometBFT's own form: what we write, the engine itself reads; what is damaged is refused."""

import json
import stat
import subprocess
from pathlib import Path

import pytest

import engines
import founders
from muniment.core.rules import members
from muniment.errors import Conflict, InvalidInput
from muniment.node.founding import engine_keys
from muniment.node.homes import NodeHome


def test_a_key_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "priv_validator_key.json"
    made = engine_keys.create_validator(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert engine_keys.load(path).public_key == made.public_key
    assert json.loads(path.read_bytes())["address"] == members.address(made.public_key.hex()).upper()
    with pytest.raises(Conflict):
        engine_keys.create_validator(path)
    assert engine_keys.load(path).public_key == made.public_key


@pytest.mark.parametrize("field", ["value", "type"])
def test_a_damaged_key(tmp_path: Path, field: str) -> None:
    path = tmp_path / "priv_validator_key.json"
    engine_keys.create_validator(path)
    document = json.loads(path.read_bytes())
    secret = document["priv_key"]["value"]
    document["priv_key"][field] = ("B" if document["priv_key"][field][0] == "A" else "A") + document["priv_key"][field][1:]
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInput) as caught:
        engine_keys.load(path)
    assert caught.value.code == "bad-key-file"
    assert secret[5:40] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"priv_key":{"type":"x"}}', b"\xff", b"[" * 2_000])
def test_what_is_no_key(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "node_key.json"
    path.write_bytes(raw)
    path.chmod(0o600)
    with pytest.raises(InvalidInput) as caught:
        engine_keys.load(path)
    assert caught.value.code == "bad-key-file"


def test_the_engine_reads_what_we_write(tmp_path: Path) -> None:
    """CometBFT itself gives back the validator's address and key, and the id that the others dial."""
    program = engines.find_engine()
    answer = founders.found(tmp_path, ("lab",))[0]
    home = NodeHome(tmp_path / "lab")

    def ask(command: str) -> str:
        return subprocess.run(
            [str(program), command, "--home", str(home.engine)], capture_output=True, text=True, check=True, timeout=60
        ).stdout

    assert ask("show-node-id").strip() == answer.engine_id
    shown = json.loads(ask("show-validator"))
    assert shown == json.loads(home.validator_key.read_bytes())["pub_key"]
