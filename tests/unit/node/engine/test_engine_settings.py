"""What CometBFT is told: config.toml and genesis.json, as text that a real one takes (node.engine)."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import engines
import supervising
from muniment.node.engine import agreed, config_toml, genesis_json
from muniment.node.engine.config_toml import EngineSettings, StateSync
from muniment.node.engine.genesis_json import AppState

ID = "ab" * 20
OTHER = "cd" * 20
SETTINGS = EngineSettings(
    name='la "b"',
    socket=Path("/run/x/abci.sock"),
    p2p="0.0.0.0:26656",
    rpc="127.0.0.1:26657",
    peers=(f"{ID}@bank.example:26656", f"{OTHER}@[2001:db8::1]:26656"),
)


def written(settings: EngineSettings = SETTINGS) -> dict[str, Any]:
    return tomllib.loads(config_toml.format(settings))


def test_what_is_measured_and_what_is_dangerous_is_said() -> None:
    said = written()
    consensus, p2p = said["consensus"], said["p2p"]
    assert consensus["create_empty_blocks"] is False
    # With more, a node that crashed stays away, on an idle chain for ever.
    assert consensus["double_sign_check_height"] == 0
    assert [consensus[f"timeout_{key}"] for key in ("commit", "propose", "propose_delta")] == ["200ms", "750ms", "250ms"]
    assert consensus["peer_gossip_sleep_duration"] == p2p["flush_throttle_timeout"] == "10ms"
    assert (p2p["send_rate"], p2p["recv_rate"]) == (100 << 20, 100 << 20)
    assert p2p["max_packet_msg_payload_size"] == agreed.PACKET_BYTES
    assert (p2p["pex"], p2p.get("seed_mode", False)) == (False, False)
    assert said["filter_peers"] is True
    assert said["rpc"]["unsafe"] is False
    assert said["mempool"]["broadcast"] is True
    assert said["tx_index"]["indexer"] == "null"
    assert said["statesync"] == {"enable": False}


@pytest.mark.parametrize("folder", ["/srv/Zürich", "/srv/\U0001f600", '/srv/a "b" \\ c', "/srv/\x7f\t"])
def test_a_folder_may_be_called_as_people_like(folder: str) -> None:
    said = written(msgspec.structs.replace(SETTINGS, socket=Path(folder) / "abci.sock"))
    assert said["proxy_app"] == f"unix://{folder}/abci.sock"


def test_what_differs_between_nodes() -> None:
    said = written()
    assert (said["moniker"], said["proxy_app"]) == ('la "b"', "unix:///run/x/abci.sock")
    assert (said["rpc"]["laddr"], said["p2p"]["laddr"]) == ("tcp://127.0.0.1:26657", "tcp://0.0.0.0:26656")
    assert said["p2p"]["persistent_peers"].split(",") == list(SETTINGS.peers)
    assert said["p2p"]["unconditional_peer_ids"] == f"{ID},{OTHER}"


@pytest.mark.parametrize(
    ("peers", "shared"),
    [
        ((), False),
        ((f"{ID}@bank.example:1",), False),
        ((f"{ID}@nat.example:1", f"{OTHER}@nat.example:2"), True),
        ((f"{ID}@127.0.0.1:1",), True),
        ((f"{ID}@localhost:1",), True),
    ],
)
def test_several_nodes_behind_one_address_are_allowed_only_where_there_are_some(peers: tuple[str, ...], shared: bool) -> None:
    settings = EngineSettings(name="lab", socket=Path("/s"), p2p="0.0.0.0:1", rpc="127.0.0.1:2", peers=peers)
    assert written(settings)["p2p"]["allow_duplicate_ip"] is shared


def test_a_fresh_node_may_begin_from_a_snapshot() -> None:
    sync = StateSync(servers=("http://a:1", "http://{b}:2"), height=7, hash="AB" * 32)
    settings = EngineSettings(name="lab", socket=Path("/s"), p2p="0.0.0.0:1", rpc="127.0.0.1:2", state_sync=sync)
    said = written(settings)["statesync"]
    assert (said["enable"], said["rpc_servers"], said["trust_height"], said["trust_hash"]) == (
        True,
        "http://a:1,http://{b}:2",
        7,
        "AB" * 32,
    )


def test_the_genesis_is_the_same_at_everybody_and_one_that_the_engine_takes(tmp_path: Path) -> None:
    keys = {"lab": "11" * 32, "bank": "22" * 32}
    common: dict[str, Any] = {"time": "2026-11-23T12:00:00Z", "protocol": 2, "state": AppState("ab" * 32, "", "", "", 1)}
    text = genesis_json.format(validators=list(keys.items()), **common)
    assert text == genesis_json.format(validators=list(reversed(keys.items())), **common)
    said = json.loads(text)
    assert said["chain_id"] == "muniment-" + "ab" * 16
    assert [(each["name"], each["power"]) for each in said["validators"]] == [("bank", "1"), ("lab", "1")]
    # The application must answer with this number, or a chain that is rolled back cannot be replayed.
    assert said["consensus_params"]["version"] == {"app": "2"}
    assert said["app_state"] == {"ledger": "ab" * 32, "leaf": "", "origin": "", "root": "", "size": 1}
    places, _ = supervising.prepare(tmp_path)
    shown = subprocess.run(
        [engines.find_engine(), "show-validator", "--home", str(places.engine)], capture_output=True, text=True, check=True
    )
    key = json.loads(places.engine_genesis.read_text())["validators"][0]["pub_key"]
    assert json.loads(shown.stdout) == key
