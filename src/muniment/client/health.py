"""The health of this machine and this ledger, check by check, each with the command that mends it: `muniment doctor`.

Nothing is changed and nothing is proved here; `muniment fsck` and `muniment verify` look into the ledger itself.
"""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import apsw
import msgspec

from muniment._version import __version__
from muniment.client import opening, standpoint
from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.format import state_map, time
from muniment.core.proof.evidence import SplitView
from muniment.core.proof.trust import Trust
from muniment.core.rules.records import Key
from muniment.errors import MunimentError, Unavailable
from muniment.ledger import signers
from muniment.ledger.embedded import MAX_BACKWARD_US, MAX_FORWARD_US, Embedded
from muniment.ledger.engine import View
from muniment.ledger.pins import Pins
from muniment.ledger.refusals import NODE
from muniment.ledger.spool import Spool
from muniment.ledger.store import connection
from muniment.ledger.store.file import Store

Grade = Literal["ok", "warning", "problem"]

SAFE_SQLITE = (3, 51, 3)
"""Up to 3.51.2 two connections can corrupt a database in WAL mode."""

LOW_BYTES = 1 << 30
NO_HOLDER = "a rollback by the operator cannot be detected without an outside copy"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at. `mend` is what to do about it, where anything is to be done."""

    name: str
    grade: Grade
    said: str
    mend: str = ""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """All checks, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def is_well(self) -> bool:
        """Is there nothing that must be mended? A warning need not be."""
        return all(check.grade != "problem" for check in self.checks)


def examine(settings: Config, now: int) -> Examined:
    """Look at everything. `now` is this machine's clock, in microseconds since 1970. Never raises for what it finds."""
    home = Home(settings.home)
    checks = [*_examine_machine(home)]
    if settings.url is not None:
        return Examined(checks=(*checks, *_examine_files(home), *_examine_node(settings), *_examine_spool(home)))
    if not home.store.exists():
        checks.append(_problem("ledger", f"there is none at {home.folder}", "muniment init"))
        return Examined(checks=tuple(checks))
    checks += [*_examine_files(home)]
    try:
        trust = standpoint.load_trust(settings)
        checks.append(_ok("trust file", f"{settings.trust or home.trust}: {trust.origin}, quorum {trust.quorum or 'none'}"))
        checks += [*_examine_ledger(home, trust, Pins(settings.state / "pins"), now)]
    except MunimentError as error:
        checks.append(_failed("trust file", error))
    checks += [*_examine_spool(home)]
    return Examined(checks=tuple(checks))


def _examine_machine(home: Home) -> Iterator[Check]:
    yield _ok("program", f"Muniment {__version__}, Python {platform.python_version()} on {platform.system()}")
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")[:3]) < SAFE_SQLITE:
        yield _problem("SQLite", f"{version} can damage a ledger that two programs use", "pip install --upgrade apsw")
    else:
        yield _ok("SQLite", version)
    folder = next(each for each in (home.folder, *home.folder.parents) if each.exists())
    kind = connection.file_system(folder)
    if kind in connection.NETWORK_FILE_SYSTEMS:
        yield _problem("file system", f"{folder} lies on a network file system ({kind})", "Move the ledger to a local disk.")
    else:
        yield _ok("file system", kind or "unknown, taken to be local")
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free"
    yield _ok("disk", said) if free >= LOW_BYTES else _warning("disk", said, "Make room: a full disk refuses every event.")


def _examine_files(home: Home) -> Iterator[Check]:
    """Who may read what: keys and sealed prose are for their owner alone."""
    private = [home.folder, home.vault, home.log_key.parent, home.log_key]
    folder = home.log_key.parent / "actors"
    private += [folder, *sorted(folder.glob("*.key*"))] if folder.is_dir() else []
    open_to_others = [path for path in private if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    for path in open_to_others:
        mode = "700" if path.is_dir() else "600"
        yield _problem("permissions", f"other users can reach {path}", f"chmod {mode} {path}")
    if not open_to_others:
        yield _ok("permissions", "keys and vault are for their owner alone")


def _examine_node(settings: Config) -> Iterator[Check]:
    """The node, as whoever records through it meets it."""
    try:
        with opening.connect(settings) as ledger:
            said = f"{ledger.origin}, fingerprint {ledger.fingerprint}"
            if ledger.contact is None:
                yield _warning("node", f"{settings.url} cannot be reached now", "What you record is kept here and sent later.")
                return
            with ledger.view() as view:
                size = f"{view.size:,} {'entry' if view.size == 1 else 'entries'}"
                blocks = f"{view.height + 1:,} {'block' if view.height == 0 else 'blocks'}"
                yield _ok("node", f"{settings.url}: {said}, {size} in {blocks}")
                if len(settings.urls) > 1:
                    yield from _examine_each(settings, view.size)
                yield from _guard("node takes events", lambda: _examine_readiness(settings))
                yield from _examine_actors(Home(settings.home), view)
    except MunimentError as error:
        yield _failed("node", error)


def _examine_each(settings: Config, size: int) -> Iterator[Check]:
    """Each of several nodes by itself: one that is away or behind is no problem as long as another one is well."""
    for url in settings.urls:
        try:
            found = _look_at(settings, url)
        except Unavailable as error:
            yield _warning(url, str(error), "The other nodes are asked meanwhile.")
        except MunimentError as error:
            yield _failed(url, error)
        else:
            yield (
                _ok(url, f"{found} entries")
                if found >= size
                else _warning(
                    url, f"{found} of {size} entries: it is behind", "It catches up by itself; ask whoever runs it if it stays."
                )
            )


def _look_at(settings: Config, url: str) -> int:
    """How many entries one node has, which must continue what was seen of the ledger. Raises what is wrong with it."""
    from muniment.client.remote import node

    trust, pins = opening.meet(settings), Pins(settings.state / "pins")
    with node.reach(node.alone(settings, url), trust, pins) as there, there.engine.view() as view:
        return view.size


def _examine_readiness(settings: Config) -> Check:
    """Whether the node can read and write all that it serves, by its own word. Raises what it says instead."""
    from muniment.client.remote import node

    node.check_ready(settings)
    return _ok("node takes events", "it can read and write")


def _examine_ledger(home: Home, trust: Trust, pins: Pins, now: int) -> Iterator[Check]:
    try:
        engine = Embedded(Store.open(home.store), None)
    except MunimentError as error:
        yield _failed("ledger", error)
        return
    try:
        writer = Writer(home, Here(home, engine, Follower(home.trust)), trust, pins, None)
        yield from _guard("pin", lambda: _examine_pin(writer))
        with engine.view() as view:
            entries, blocks = "entry" if view.size == 1 else "entries", "block" if view.height == 0 else "blocks"
            size = home.store.stat().st_size / 1e6
            yield _ok("ledger", f"{view.size} {entries} in {view.height + 1} {blocks}, {size:.1f} MB")
            yield _examine_clock(view.header(view.height).time, now)
            if not home.is_node:
                # Nobody seals alone with a log key there; `node.health` looks at what a node has instead.
                yield from _guard("log key", lambda: _examine_log_key(home, trust))
            yield from _examine_actors(home, view)
    except MunimentError as error:
        yield _failed("ledger", error)
    finally:
        engine.close()
    if trust.quorum == 0:
        yield _warning(
            "outside holders",
            f"none: {NO_HOLDER}",
            "muniment export tiles DIR, and hand DIR/checkpoint to somebody outside now and then",
        )
    else:
        yield _ok("outside holders", f"{trust.quorum} of {len(trust.organisations)} organisations must cosign")


def _examine_pin(writer: Writer) -> Check:
    pinned = writer.pins.load(writer.trust.origin)
    if pinned is None:
        return _ok("pin", "nothing was seen of this ledger before; the next command remembers its checkpoint")
    with writer.contact():
        return _ok("pin", f"the ledger continues what was seen of it: {pinned.size} entries ({writer.pins.folder})")


def _examine_clock(last: str, now: int) -> Check:
    sealed = time.parse(last)
    if now < sealed - MAX_BACKWARD_US:
        return _problem("clock", f"it says {time.format(now)}, before the last block ({last})", "Set this machine's clock right.")
    if now > sealed + MAX_FORWARD_US:
        return _warning(
            "clock",
            f"it says {time.format(now)}, more than a year after the last block ({last})",
            "Set the clock right; if it is right, repeat what you record with --accept-clock.",
        )
    return _ok("clock", f"it says {time.format(now)}; the last block is of {last}")


def _examine_log_key(home: Home, trust: Trust) -> Check:
    if not home.log_key.exists():
        return _warning("log key", "not here: this machine can read the ledger, and not write it", "Write where the key is.")
    key = signers.load_file(home.log_key)
    if all(each.public_key != key.public_key for each in trust.log_keys):
        return _problem("log key", f"{home.log_key} is not a key that the trust file names", "Restore the ledger's own key.")
    return _ok("log key", "here, and the one that the trust file names")


def _examine_actors(home: Home, view: View) -> Iterator[Check]:
    """The keys that lie here, and whether the ledger still takes what they sign."""
    actors = home.actors()
    if not actors:
        yield _warning("your key", "nobody has a key here", "muniment keys request --actor NAME")
    for actor in [*actors, *([NODE] if home.actor_key(NODE).exists() else [])]:
        yield from _guard(f"key of {actor}", partial(_examine_actor, home, view, actor))


def _examine_actor(home: Home, view: View, actor: str) -> Check:
    name = f"key of {actor}"
    key = signers.load_file(home.actor_key(actor)).public_key.hex()
    raw = view.record(f"key/{key}")
    if raw is None:
        return _warning(name, "not admitted yet", f"Have it admitted: muniment keys request --actor {actor}")
    state = msgspec.json.decode(state_map.decode_record(raw).state, type=Key)
    another = f"Have another one admitted: muniment keys request --actor {actor} --new"
    if state.disputed_from is not msgspec.UNSET:
        return _problem(name, f"disputed since entry {state.disputed_from}", another)
    if state.until is not msgspec.UNSET:
        return _problem(name, f"ended at entry {state.until}", another)
    return _ok(name, f"in force since entry {state.since}")


def _examine_spool(home: Home) -> Iterator[Check]:
    spool = Spool(home.spool)
    waiting, rejected = len(spool.pending()), len(spool.rejected())
    if waiting:
        yield _warning("spool", f"{waiting} signed events wait to be sent", "muniment log --pending")
    if rejected:
        yield _warning("rejected", f"{rejected} events were refused by the ledger", "muniment log --pending")
    if not waiting and not rejected:
        yield _ok("spool", "nothing waits, nothing was refused")


def _guard(name: str, look: Callable[[], Check]) -> Iterator[Check]:
    """What a check cannot look at is a problem, not the end of the examination."""
    try:
        yield look()
    except MunimentError as error:
        yield _failed(name, error)


def _ok(name: str, said: str) -> Check:
    return Check(name=name, grade="ok", said=said)


def _warning(name: str, said: str, mend: str) -> Check:
    return Check(name=name, grade="warning", said=said, mend=mend)


def _problem(name: str, said: str, mend: str) -> Check:
    return Check(name=name, grade="problem", said=said, mend=mend)


def _failed(name: str, error: MunimentError) -> Check:
    mend = error.hint
    if isinstance(error, SplitView) and "evidence" in error.details:
        mend = f"{mend} Evidence: {error.details['evidence']}"
    return _problem(name, str(error), mend)
