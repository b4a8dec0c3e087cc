"""From a node's folder to its processes: what is checked and written before the supervisor begins."""

from __future__ import annotations

import hashlib
import os
import socket as sockets
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from muniment.errors import InvalidInput, NotFound
from muniment.node import files
from muniment.node import settings as node_settings
from muniment.node.engine import binary, config_toml, pruning, votes
from muniment.node.engine.config_toml import EngineSettings, StateSync
from muniment.node.founding import rotating
from muniment.node.homes import NodeHome
from muniment.node.light import arrival, remembering
from muniment.node.process import lock, orders, record
from muniment.node.process.child import open_standard
from muniment.node.process.orders import Orders
from muniment.node.repair import plan
from muniment.node.settings import NodeSettings

APPLICATION = "muniment.node.service.process"
SUPERVISOR = "muniment.node.process"
MAX_SOCKET_PATH = 90


def prepare(
    home: NodeHome,
    environment: Mapping[str, str],
    options: Mapping[str, object],
    *,
    log_format: str,
    as_json: bool,
    say: Callable[[str], None],
) -> Orders:
    """Check the node, lock it, put rotated keys in their place, and write the engine's settings.

    `options` is what was typed, for the application; `say` is told what somebody should know. This process then holds the lock.
    Raises NotFound (`no-node`, `no-engine`), Conflict (`already-running`, `repair-unfinished`), Unavailable (`home-unwritable`,
    `file-unwritable`), InvalidInput (`bad-node-settings`, `wrong-engine`).
    """
    open_standard()
    chain = home.load_consortium().chain_id
    settings = home.load_settings()
    rpc = _find_rpc(settings)
    require_engine_home(home)
    engine = binary.find(environment)
    held = lock.take(home.folder)
    record.forget(home.folder)
    plan.require_none(home)
    socket = find_socket(home)
    for use in rotating.settle(home.home):
        say(f"The new {use} key is in force, and has taken the place of the old one.")
    pruning.prune_wal(home.engine)
    silence = votes.read_silence(home)
    if silence is None and (silence := remembering.find_forgotten(home, chain, settings.peers)):
        votes.write_silence(home, silence)
    if silence is not None:
        votes.prepare_silent(home)
        say(f"This node follows without voting: {votes.tell(silence)}.")
    write_config(home, settings, socket, arrival.load(home), silent=silence is not None)
    typed = msgspec.json.encode({key: value for key, value in options.items() if value not in (None, ())}, enc_hook=str).decode()
    return Orders(
        folder=home.folder,
        application=(sys.executable, "-P", "-m", APPLICATION, str(home.home), "--socket", str(socket), "--options", typed),
        engine=(str(engine.path), "node", "--home", str(home.engine)),
        rpc=rpc,
        lock=held,
        log_format=log_format,
        as_json=as_json,
    )


def become(told: Orders) -> NoReturn:
    """Turn this process into the supervisor: same process id, and nothing of what was imported until now."""
    os.set_inheritable(told.lock, True)
    for each in (sys.stdout, sys.stderr):
        # Closed by whoever starts the node, or read by nobody any more.
        with suppress(OSError, AttributeError):
            each.flush()
    # -P: what lies in the working directory is not imported.
    os.execv(sys.executable, [sys.executable, "-P", "-m", SUPERVISOR, orders.encode(told)])


def require_engine_home(home: NodeHome) -> None:
    """Check that the engine has what it cannot make itself. Raises NotFound (`no-node`, `no-validator-state`)."""
    for path in (home.engine_genesis, home.engine_node_key, home.validator_key):
        if not path.exists():
            raise NotFound(
                f"{path} is missing",
                code="no-node",
                hint="Seal the consortium here with `muniment consortium seal`, or restore this file from your backup.",
            )
    if not home.validator_state.exists():
        # An engine that begins with an empty one forgets what it signed, and may sign something else.
        raise NotFound(
            f"{home.validator_state} is missing: it says what this validator signed last",
            code="no-validator-state",
            hint="Do not make an empty one; docs/consortium.md says how a validator gets a new key.",
        )


def write_config(
    home: NodeHome, settings: NodeSettings, socket: Path, state_sync: StateSync | None = None, *, silent: bool = False
) -> None:
    """Write CometBFT's settings. Raises Unavailable (`file-unwritable`)."""
    engine = EngineSettings(
        name=settings.organisation,
        socket=socket,
        p2p=settings.p2p,
        rpc=settings.rpc,
        peers=tuple(each.p2p for each in settings.peers if each.p2p),
        state_sync=state_sync,
        silent=silent,
    )
    files.write(home.engine_config, config_toml.format(engine).encode())


def find_socket(home: NodeHome) -> Path:
    """Where the application listens for CometBFT: in the node's folder, or elsewhere where that path is too long for a socket.

    Elsewhere it is the same folder at every start, which is this user's alone.
    """
    path = os.fsencode(home.socket.absolute())
    if len(path) <= MAX_SOCKET_PATH:
        return home.socket.absolute()
    folder = Path(tempfile.gettempdir()) / f"muniment-{hashlib.sha256(path).hexdigest()[:16]}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    found = folder.lstat() if folder.exists() else None
    if found is None or (found.st_uid, stat.S_ISDIR(found.st_mode), found.st_mode & 0o777) != (os.geteuid(), True, 0o700):
        # Somebody else may lay anything under a name that he can guess.
        folder = Path(tempfile.mkdtemp(prefix="muniment-"))
    return folder / home.socket.name


def _find_rpc(settings: NodeSettings) -> tuple[str, int]:
    """Where this process reaches the engine that listens at `rpc`: a number, because a supervisor that looks up a name waits.

    Raises InvalidInput (`bad-node-settings`) for a name that leads nowhere.
    """
    host, port = node_settings.split_place(settings.rpc)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)
    try:
        found = sockets.getaddrinfo(host, port, type=sockets.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            f"rpc in node.toml names {host}, which leads nowhere: {error}",
            code="bad-node-settings",
            hint='Write the number of this machine itself, as in rpc = "127.0.0.1:26657".',
        ) from None
    # As CometBFT chooses among them, which listens there.
    ours = [each[4][0] for family in (sockets.AF_INET, sockets.AF_INET6) for each in found if each[0] == family]
    return str(ours[0] if ours else host), port
