"""Whether this validator's own record of what it signed can be believed, and what follows where it cannot.

    votes = OwnVotes(home)
    votes.doubt(height, commit)         # "" or why this node must vote no more; then `silence` is written
    read_silence(home)                  # at the next start

CometBFT never signs twice as long as `priv_validator_state.json` says what was signed last. One that was restored from a copy, or
that lies beside a copied key, says less than the chain shows: blocks carry votes of this validator that it does not know. From
then on its key votes here no more. The engine is given another one, which nobody admitted, and follows the chain with it, until
the members have exchanged this member's key.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from muniment.core.format import layout
from muniment.core.rules import members
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.node import files
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.proto import validator_pb2 as validator
from muniment.node.founding import engine_keys
from muniment.node.places import NodePlaces

SIGNED_ELSEWHERE = "signed-elsewhere"
"""The code of a validator whose votes are in blocks, and not in its own record."""

FILE = "silence.json"
SILENT_KEY = "config/silent_key.json"
SILENT_STATE = "data/silent_state.json"
MAX_BYTES = 4_096

_SIGNED = frozenset({validator.BLOCK_ID_FLAG_COMMIT, validator.BLOCK_ID_FLAG_NIL})


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Which key (64 hex) votes here no more: the engine's block `seen` has its vote, and its record ends at `record`."""

    key: str
    record: int
    seen: int


class OwnVotes:
    """Compares what the chain shows of this node's validator with what its own record knows."""

    def __init__(self, places: NodePlaces) -> None:
        self._places = places
        self._key = ""
        self._address = b""
        self._known = 0

    def doubt(self, height: int, commit: abci.CommitInfo) -> str:
        """Why this node must vote no more, in words for people; empty where nothing is wrong.

        `commit` says who voted for the block at `height`. What is found is written down before it is told.
        """
        if height <= self._known or not self._voted(commit):
            return ""
        self._known = read_record(self._places.validator_state)
        silence = Silence(key=self._key, record=self._known, seen=height)
        if height <= self._known or read_silence(self._places) is not None:
            return ""
        write_silence(self._places, silence)
        return tell(silence)

    def _voted(self, commit: abci.CommitInfo) -> bool:
        if not self._key:
            self._key = engine_keys.load(self._places.validator_key).public_key.hex()
            self._address = bytes.fromhex(members.address(self._key))
        return any(each.validator.address == self._address and each.block_id_flag in _SIGNED for each in commit.votes)


def tell(silence: Silence) -> str:
    """What is wrong, and what to do."""
    return (
        f"block {silence.seen} of the engine has a vote of this validator that its own record does not know, which ends at "
        f"{silence.record}: this folder was restored from a copy, or its key is in use elsewhere. It must not vote: started anew "
        "it follows without a vote until the members have exchanged its key (`muniment member rotate`)"
    )


def read_record(path: Path) -> int:
    """The engine's height up to which the validator knows what it signed. Raises InvalidInput (`bad-validator-state`), NotFound."""
    try:
        return int(json.loads(files.read(path, MAX_BYTES))["height"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(
            f"{path} is damaged: it says what this validator signed last",
            code="bad-validator-state",
            hint="Do not make an empty one; docs/consortium.md says how a validator gets a new key.",
        ) from None


def write_silence(places: NodePlaces, silence: Silence) -> None:
    """Write down that the key votes here no more, durably. Raises Unavailable (`file-unwritable`)."""
    files.write(places.folder / FILE, msgspec.json.encode(silence))


def read_silence(places: NodePlaces) -> Silence | None:
    """Why the validator's key votes here no more; None where it does, as one that took its place since. Raises InvalidInput."""
    path = places.folder / FILE
    try:
        found = msgspec.json.decode(files.read(path, MAX_BYTES), type=Silence)
    except NotFound:
        return None
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}",
            code="bad-silence",
            hint="It says that this validator must not vote: have its key exchanged, and move the file away then.",
        ) from None
    try:
        return found if engine_keys.load(places.validator_key).public_key.hex() == found.key else None
    except MunimentError:
        return found


def prepare_silent(places: NodePlaces) -> None:
    """Make the key with which an engine follows the chain without a vote, where there is none yet."""
    path = places.engine / SILENT_KEY
    if not path.exists():
        engine_keys.create_validator(path)
    engine_keys.begin_state(places.engine / SILENT_STATE)


layout.settle(globals().values())
