"""The ledger as CometBFT's application: what it answers to each question (docs/spec, sections 13.2 to 13.4).

    application = Application(store, seal, opened, protocol=1, on_commit=pending.resolve)
    server = Server(path, lambda: Session(application))

`FinalizeBlock` judges a block and writes nothing; `Commit` writes it, with the engine's height, in one transaction. Between the
two nothing is known outside this process, and a block may be judged any number of times. A block that admits nothing changes
nothing, or the chain would make blocks for ever.

`store` is a connection of this application's own: readers hold theirs while they read.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from muniment._version import __version__
from muniment.core.rules.chain import Position, Sealed, Submission
from muniment.core.rules.events import MemberChanged
from muniment.core.rules.policy import Policy, Verdict
from muniment.errors import Conflict, InvalidInput, InvariantError, Unavailable
from muniment.ledger.embedded import Clock, system_clock
from muniment.ledger.store.file import Seal, Store
from muniment.ledger.store.staging import Staged
from muniment.node.abci import plain
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import Halted
from muniment.node.chain import moment
from muniment.node.chain.moment import Watch
from muniment.node.chain.opened import Opened, Transaction
from muniment.node.engine import genesis_json
from muniment.node.engine.genesis_json import AppState

MAX_BLOCK_EVENTS = 2_000
CODESPACE = "muniment"
MALFORMED = 1
"""The one code of a transaction that may not travel: it is no batch of signed events."""
STRANGER = 1
"""The one code of a peer that the engine is not to talk to."""
PROTOCOL_UNKNOWN = "protocol-unknown"

_PEER = "/p2p/filter/id/"


class Committed(msgspec.Struct, frozen=True):
    """What one block of the engine led to, once it is on the disk.

    consensus: the engine's height
    sealed: the block of the ledger; None where it changed nothing
    verdicts: what became of each event, by transaction (its SHA-256) in order
    submissions: all events of all transactions, in the same order
    policy: by which they were judged
    """

    consensus: int
    sealed: Sealed | None
    verdicts: tuple[tuple[bytes, tuple[Verdict, ...]], ...]
    submissions: tuple[Submission, ...]
    policy: Policy


OnCommit = Callable[[Committed], None]
"""Is told of each committed block in the thread that committed it, so it must return at once."""
Retain = Callable[[int], int]
"""From the engine's height: from which height on it has to keep its blocks, or 0 for all."""
Doubt = Callable[[int, abci.CommitInfo], str]
"""From who voted for the block at a height: why this node must take part no more; empty where nothing is wrong."""
Known = Callable[[str], bool]
"""Whether this is the id (40 hex) of a peer's node."""


def keep_all(height: int) -> int:
    """Nothing of the engine's blocks may go."""
    return 0


def everybody(peer: str) -> bool:
    """Whoever it is."""
    return True


def believe(height: int, commit: abci.CommitInfo) -> str:
    """Nothing speaks against this validator's own record of its votes."""
    return ""


def ignore(told: str) -> None:
    """Nobody hears of it."""


class Finalized(msgspec.Struct, frozen=True):
    """A block that was judged and may be committed."""

    height: int
    staged: Staged
    transactions: tuple[Transaction, ...]


class Application:
    """What all connections of one engine ask. `protocol` is the number in the engine's genesis, which never changes."""

    def __init__(
        self,
        store: Store,
        seal: Seal,
        opened: Opened,
        *,
        protocol: int,
        on_commit: OnCommit,
        retain: Retain = keep_all,
        known: Known = everybody,
        clock: Clock = system_clock,
        tell_clock: Callable[[str], None] = ignore,
        halt: Callable[[str], None] = ignore,
        doubt: Doubt = believe,
    ) -> None:
        self._store = store
        self._seal = seal
        self._opened = opened
        self._protocol = protocol
        self._on_commit = on_commit
        self._retain = retain
        self._known = known
        self._watch = Watch(clock, tell_clock)
        self._halt = halt
        self._doubt = doubt

    def info(self) -> abci.ResponseInfo:
        """Exactly the last committed pair of height and hash; height 0 before the first.

        Raises Conflict (`moved-aside`) where something was written to the ledger that the engine did not order.
        """
        with self._store.view() as view:
            mark = self._store.mark()
            if mark is not None and mark.root != view.position.frontier.root():
                raise Conflict(
                    f"the ledger has {view.size} entries, and the chain ordered the first {mark.size} of them",
                    code="moved-aside",
                    hint="Something wrote to this ledger beside its consortium: keep the file, then `muniment node repair`.",
                )
        return abci.ResponseInfo(
            data="muniment",
            version=__version__,
            app_version=self._protocol,
            last_block_height=0 if mark is None else mark.height,
            last_block_app_hash=b"" if mark is None else mark.root,
        )

    def find_unknown(self) -> str:
        """Why the next block cannot be judged by this release; empty where it can."""
        try:
            self._store.stage([], lambda previous: previous)
        except Unavailable as error:
            if error.code == PROTOCOL_UNKNOWN:
                return str(error)
            raise
        return ""

    def begin(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Check that the ledger here is the one that all members agreed to begin with. Nothing is written; it may come twice."""
        members = self._store.validators
        with self._store.view() as view:
            position, mark = view.position, self._store.mark()
        if mark is not None:
            raise Conflict(
                f"the chain is to begin, and its block {mark.height} was committed here",
                code="chain-begun",
                hint="The engine lost its blocks, and the ledger did not: run `muniment node repair`.",
            )
        check_start(genesis_json.decode_state(request.app_state_bytes), position)
        if members is None or plain.powers(request.validators) != {each.key: plain.POWER for each in members.members}:
            raise Conflict(
                "the validators in the engine's genesis are not the members of this ledger",
                code="other-members",
                hint="All nodes begin with the same sealed file: run `muniment consortium seal` again.",
            )
        if request.consensus_params.version.app != self._protocol:
            raise Conflict(
                f"the engine's genesis names protocol {request.consensus_params.version.app}",
                code="other-start",
                hint="All nodes begin with the same sealed file: run `muniment consortium seal` again.",
            )
        return abci.ResponseInitChain(app_hash=position.frontier.root())

    def check(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        """Whether a transaction may travel: form and signatures, nothing else."""
        try:
            self._opened.open(request.tx)
        except InvalidInput as error:
            return abci.ResponseCheckTx(code=MALFORMED, codespace=CODESPACE, log=str(error), info=error.code)
        return abci.ResponseCheckTx()

    def propose(self, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        """What of the waiting transactions makes the next block: in order, as much as fits, without what does not open.

        Before them stands the time, by this machine's clock and never before the engine's own.
        """
        taken: list[bytes] = []
        mark = moment.encode(max(self._watch.now(), plain.microseconds(request.time), 0))
        room, events = request.max_tx_bytes - _travelling(mark), 0
        for raw in request.txs:
            transaction = self._open(raw)
            if transaction is None:
                continue
            room -= _travelling(raw)
            events += len(transaction.submissions)
            if room < 0 or events > MAX_BLOCK_EVENTS:
                break
            taken.append(raw)
        return abci.ResponsePrepareProposal(txs=[mark, *taken] if taken else [])

    def judge_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        """Whether a proposed block may be voted for.

        All of it opens, it is no larger than a proposer may make it, and where it holds events it begins with a time that is not
        before the engine's own and about right by the clock here. Raises Halted as `finalize`, before anything is voted for.
        """
        if told := self._doubt(request.height - 1, request.proposed_last_commit):
            raise Halted(told)
        if request.txs and not self._is_fit(request):
            return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.REJECT)
        return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)

    def finalize(self, request: abci.RequestFinalizeBlock) -> tuple[abci.ResponseFinalizeBlock, Finalized]:
        """Judge a decided block; nothing is written. The same block gives the same answer until it is committed.

        Raises Halted where that is not for this release: `halt` is told why, and no other answer would be right. The same where
        the chain shows votes of this validator that it does not know of.
        """
        if told := self._doubt(request.height - 1, request.decided_last_commit):
            raise Halted(told)
        mark = self._store.mark()
        if mark is not None and request.height <= mark.height:
            raise InvariantError(f"the engine decided block {request.height}, and {mark.height} was committed here")
        said = moment.decode(request.txs[0]) if request.txs else None
        # A block of evidence alone has the engine's own time.
        when = plain.microseconds(request.time) if said is None else said
        opened = [self._open(raw) for raw in request.txs[0 if said is None else 1 :]]
        # More than a third of the validators would have to vote for what does not open. It does nothing, on every node alike.
        transactions = tuple([each for each in opened if each is not None])
        submissions = [submission for each in transactions for submission in each.submissions]
        faults = plain.faults(request.misbehavior)
        # Read before the block is judged, and only where it may change: it costs as much as judging a small block.
        before = self._store.validators if any(isinstance(each.event, MemberChanged) for each in submissions) else None
        try:
            staged = self._store.stage(submissions, lambda previous: plain.follow(previous, when), faults)
        except plain.EndOfTime:
            transactions, staged = (), self._store.stage([], lambda previous: previous)
        except Unavailable as error:
            if error.code != PROTOCOL_UNKNOWN:
                raise
            self._halt(str(error))
            raise Halted(str(error)) from None
        answer = abci.ResponseFinalizeBlock(
            tx_results=[_DONE] * len(request.txs),
            validator_updates=plain.updates(before, staged.transition.validators),
            app_hash=staged.root,
        )
        return answer, Finalized(request.height, staged, transactions)

    def commit(self, block: Finalized) -> abci.ResponseCommit:
        """Write a judged block. When this returns it is on the disk, and whoever waits for it has been told."""
        self._store.commit(block.staged, self._seal, block.height)
        # A crash before this line: the engine runs the block again, or finds it committed; nobody was told anything yet.
        self._opened.forget([each.hash for each in block.transactions])
        self._on_commit(_committed(block))
        return abci.ResponseCommit(retain_height=self._retain(block.height))

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """Whether the engine may talk to a peer. What readers ask is answered over HTTP, with proofs."""
        if request.path.startswith(_PEER) and not self._known(request.path.removeprefix(_PEER)):
            return abci.ResponseQuery(code=STRANGER, codespace=CODESPACE, log="this is no peer of this node")
        return abci.ResponseQuery()

    def _is_fit(self, request: abci.RequestProcessProposal) -> bool:
        when, events = moment.decode(request.txs[0]), 0
        if when is None or len(request.txs) == 1 or when < plain.microseconds(request.time):
            return False
        for raw in request.txs[1:]:
            transaction = self._open(raw)
            events += MAX_BLOCK_EVENTS + 1 if transaction is None else len(transaction.submissions)
            if events > MAX_BLOCK_EVENTS:
                return False
        return self._watch.may_vote(when, request.hash)

    def _open(self, raw: bytes) -> Transaction | None:
        try:
            return self._opened.open(raw)
        except InvalidInput:
            return None


def check_start(start: AppState, position: Position) -> None:
    """Check that a ledger stands where its consortium begins. Raises Conflict (`other-start`)."""
    here = AppState.of(position)
    for name in AppState.__struct_fields__:
        wanted, found = getattr(start, name), getattr(here, name)
        if wanted != found:
            raise Conflict(
                f"the consortium begins with {name} {wanted}, and the ledger here has {found}",
                code="other-start",
                hint="Begin with the ledger that all members sealed: `muniment consortium seal`, or a copy of that ledger.",
                details={"field": name, "wanted": wanted, "found": found},
            )


def _committed(block: Finalized) -> Committed:
    verdicts = iter(block.staged.judged.verdicts)
    return Committed(
        consensus=block.height,
        sealed=block.staged.sealed,
        verdicts=tuple([(each.hash, tuple([next(verdicts) for _ in each.submissions])) for each in block.transactions]),
        submissions=tuple([submission for each in block.transactions for submission in each.submissions]),
        policy=block.staged.judged.policy,
    )


def _travelling(raw: bytes) -> int:
    """The bytes that a transaction takes in a block: a tag and its length go before it."""
    return 1 + (max(len(raw), 1).bit_length() + 6) // 7 + len(raw)


_DONE = abci.ExecTxResult()
