"""node.toml: what is written is read back, and a mistyped address is an error."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import InvalidInput, NotFound
from muniment.node import settings
from muniment.node.settings import NodeSettings, Peer

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True)
PLACES = st.builds("{}:{}".format, st.sampled_from(["127.0.0.1", "node.example.com", "[::1]", "localhost"]), st.integers(0, 65535))
URLS = st.builds("https://{}".format, NAMES)
PEERS = st.builds(
    Peer,
    organisation=NAMES,
    url=st.just("") | URLS,
    p2p=st.just("") | st.builds("{}@{}".format, st.from_regex(r"[0-9a-f]{40}", fullmatch=True), PLACES),
)
SETTINGS = st.builds(
    NodeSettings,
    organisation=st.just("Own"),
    listen=PLACES,
    url=st.just("") | URLS,
    p2p=PLACES,
    rpc=PLACES,
    server=st.sampled_from(["", "server.toml", 'odd "name"\x7f.toml']),
    keep_blocks=st.integers(0, 1 << 40),
    peers=st.lists(PEERS, max_size=4, unique_by=lambda each: each.organisation).map(tuple),
)


@given(SETTINGS)
def test_both_ways(found: NodeSettings) -> None:
    assert settings.parse(settings.format(found)) == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-node-settings"),
        ('organisation = "lab"\nlisten = "8760"', "bad-node-settings"),
        ('organisation = "lab"\np2p = "0.0.0.0:70000"', "bad-node-settings"),
        ('organisation = "lab"\nurl = "lab.example"', "bad-node-settings"),
        ('organisation = "lab"\nurl = "https://lab.example:99999"', "bad-node-settings"),
        ('organisation = "lab"\nurl = "https://lab.example/?a=b"', "bad-node-settings"),
        ('organisation = "lab"\nurl = "https://anna:secret@lab.example"', "bad-node-settings"),
        ('organisation = "lab"\n[[peers]]\norganisation = "bank"\nurl = "https://[bank"', "bad-node-settings"),
        ('organisation = "lab"\nlistn = "127.0.0.1:1"', "unknown-key"),
        ('organisation = "lab"\n[[peers]]\norganisation = "lab"', "bad-node-settings"),
        ('organisation = "lab"\n[[peers]]\norganisation = "bank"\np2p = "bank.example:1"', "bad-node-settings"),
        ('organisation = "lab"\n[[peers]]\norganisation = "bank"\nadress = "x"', "unknown-key"),
        ("organisation = lab", "bad-node-settings"),
    ],
)
def test_what_cannot_be(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings.parse(text)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_home_without_a_node(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        settings.load(tmp_path / "node.toml")
    assert caught.value.code == "no-node"


def test_host_and_port() -> None:
    assert settings.split_place("[::1]:26656") == ("::1", 26656)
    for wrong in ("", "host", "host:", ":1", "host:65536", "ho st:1"):
        with pytest.raises(InvalidInput):
            settings.split_place(wrong)
