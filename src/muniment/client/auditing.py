"""A whole ledger checked against what the reader believes: its file, or the tiles that somebody exported.

Every signature, hash and header, and on request the state, run again from the entries. What a damaged file makes impossible
to read is a failed verification like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec

from muniment.client.home import Home
from muniment.client.standpoint import Standpoint, lead
from muniment.client.tile_folder import CHECKPOINT, TileFolder
from muniment.core.format import checkpoint, entry, merkle, note
from muniment.core.proof.evidence import Prove
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Clock, Ground, VerifiedReceipt, tell_receipt
from muniment.core.proof.verify.freshness import check_freshness, read_clocks
from muniment.core.proof.verify.ground import Terms, open_ground, seat
from muniment.core.proof.verify.inclusion import block
from muniment.errors import CorruptStore, InvalidInput, NotFound, VerificationError
from muniment.ledger import audit as audits
from muniment.ledger.audit import Audited, Progress

MANY = 4_096
"""From this many entries on further processes are worth their start."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a ledger is checked: is the state run again, and by how many processes (None: as many as are worth it)?"""

    replay: bool = True
    processes: int | None = None


class Sound(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ledger, or exported tiles, in which everything held. `fingerprint` is there where this was the first contact."""

    ground: Ground
    audited: Audited
    clocks: tuple[Clock, ...]
    fingerprint: str = ""


def audit_ledger(stand: Standpoint, path: Path, terms: Terms, manner: Manner, progress: Progress | None = None) -> Sound:
    """Check the ledger in a folder, or in its one file.

    Raises VerificationError (SplitView before anything else), NotFound where there is none, Unavailable.
    """
    folder, file = (path, path / "ledger.db") if path.is_dir() else (path.parent, path)
    if not file.is_file():
        raise NotFound(f"there is no ledger at {path}", hint="Check the path.")
    with _reading(file):
        writer = stand.open(Home(folder), file)
        try:
            pinned = stand.pins.load(stand.trust.origin)
            with writer.contact() as (view, contact):
                seen = Terms(pinned, view.consistency, terms.now, terms.max_age, terms.tier)
                ground, clocks = _weigh(view.checkpoint, view.entry(view.size - 1), writer.trust, seen)
                size = view.size
            processes = manner.processes or (audits.usable_processors() if size >= MANY else 1)
            audited = audits.audit(writer.engine.view, writer.trust, replay=manner.replay, processes=processes, progress=progress)
        finally:
            writer.engine.close()
    first = contact.fingerprint if contact.relation == "first" else ""
    return Sound(ground=ground, audited=audited, clocks=clocks, fingerprint=first)


def audit_tiles(stand: Standpoint, folder: Path, terms: Terms, manner: Manner, progress: Progress | None = None) -> Sound:
    """Check exported tiles. An older copy is as good as a new one, if it is of the history that this client knows.

    Raises VerificationError, and Unavailable (`tile-missing`) where a file is not there.
    """
    with _reading(folder):
        raw = (folder / CHECKPOINT).read_bytes()
        found = checkpoint.parse(note.parse(raw).text)
        # Signature and origin first: whose tiles are these?
        path = lead(stand, lambda path: (open_ground(raw, stand.trust, Terms(tier="solo", path=path)), path))[1]
        judges, _ = seat(stand.trust, Terms(path=path)).judge(found.size)
        tiles = TileFolder(folder, raw, found.size, found.root)
        audited = audits.audit(lambda: nullcontext(tiles), judges, replay=manner.replay, progress=progress)
        if audited.ledger != stand.trust.ledger:
            raise VerificationError(
                f"these are the tiles of the ledger {audited.ledger[:8]}…, and the trust file is about {stand.trust.ledger[:8]}…",
                step=2,
                code="ledger",
                hint="Compare the trust file with what the ledger's owner gave out.",
            )
        with stand.ask(found.size) as (pin, prove):
            known = stand.pins.load(stand.trust.origin)
            if pin is None and known is not None and known.size < found.size:
                pin, prove = known, _prover(tiles)
            seen = Terms(pin, prove, terms.now, terms.max_age, terms.tier, path)
            ground, clocks = _weigh(raw, tiles.entry(found.size - 1), stand.trust, seen)
    return Sound(ground=ground, audited=audited, clocks=clocks)


def tell_sound(sound: Sound, what: str) -> tuple[str, ...]:
    """What was found, told to a person. `what` is the thing in words: "The ledger in .muniment"."""
    audited, ground = sound.audited, sound.ground
    events = "1 event" if audited.events == 1 else f"{audited.events} events"
    blocks = "1 block" if audited.height == 0 else f"{audited.height + 1} blocks"
    state = (
        "The state was run again here from the entries, and is what every header says."
        if audited.replayed
        else "The state was not run again here."
    )
    clock = sound.clocks[-1].whose if ground.tier == "solo" else "header time"
    # The sentences about the checkpoint are those of any receipt under it.
    under = VerifiedReceipt(ground=ground, index=audited.size - 1, included=True, clocks=())
    met = f"First contact. Its fingerprint is {sound.fingerprint}: compare it with its owner's by another way than this one."
    return (
        f"{what} is {audited.origin}, and its whole history holds.",
        f"{audited.size} entries in {blocks}, the last one sealed at {audited.time} ({clock}).",
        f"{events} with signatures that hold; every hash and every header fits.",
        f"{state} State basis: {ground.basis}.",
        *tell_receipt(under)[1:],
        *([f"Nothing newer was seen at {sound.clocks[0].time} ({sound.clocks[0].whose})."] if ground.tier != "solo" else []),
        *([met] if sound.fingerprint else []),
    )


def _weigh(raw: bytes, last: bytes, trust: Trust, terms: Terms) -> tuple[Ground, tuple[Clock, ...]]:
    """Who stands behind a checkpoint, how it relates to what was seen before, and how old it is."""
    head, ground = open_ground(raw, trust, terms)
    clocks = read_clocks(head, block(entry.decode_header(last)))
    check_freshness(clocks, terms.now, terms.max_age)
    return ground, clocks


def _prover(tiles: TileFolder) -> Prove:
    """Shows from tiles that they continue an earlier checkpoint."""

    def prove(old: int, new: int) -> tuple[bytes, ...]:
        plan = merkle.plan_consistency(old, new)
        return merkle.build(plan, tiles.reader.hashes(plan))

    return prove


@contextmanager
def _reading(place: Path) -> Iterator[None]:
    """Read what may be damaged in any way: what cannot be read as a ledger is not one that holds (step 1)."""
    try:
        yield
    except (CorruptStore, NotFound, InvalidInput) as error:
        raise VerificationError(
            f"{place} cannot be read as a ledger: {error}",
            step=1,
            code=error.code,
            hint="Something changed this file. `muniment fsck` names every wrong row; restore a backup.",
            details=error.details,
        ) from None
    except (TypeError, ValueError, LookupError, OSError) as error:
        raise VerificationError(
            f"{place} cannot be read as a ledger: {error}",
            step=1,
            code="unreadable",
            hint="Something changed this file. `muniment fsck` names every wrong row; restore a backup.",
        ) from None


__all__ = ["Manner", "Sound", "audit_ledger", "audit_tiles", "tell_sound"]
