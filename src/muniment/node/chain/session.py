"""One connection of the engine: which question is answered by what, and the block that it decided last.

    server = Server(path, lambda: Session(application, snapshots))

What was judged for one connection is committed only on the same one: when the engine is killed in between, its successor has
connections of its own and lets the block be judged again.
"""

from __future__ import annotations

from muniment.errors import InvariantError
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.chain.application import Application, Finalized
from muniment.node.snapshots import Offer, Snapshots


class Session:
    """Answers the questions of one connection, in order. `snapshots`: None where none are offered or taken."""

    def __init__(self, application: Application, snapshots: Snapshots | None = None) -> None:
        self._application = application
        self._snapshots = snapshots
        self._finalized: Finalized | None = None

    def __call__(self, request: abci.Request) -> abci.Response:
        """Answer one question. Whatever it raises means that there is no answer."""
        application = self._application
        match request.WhichOneof("value"):
            case "check_tx":
                return abci.Response(check_tx=application.check(request.check_tx))
            case "finalize_block":
                self._finalized = None
                answer, self._finalized = application.finalize(request.finalize_block)
                return abci.Response(finalize_block=answer)
            case "commit":
                return abci.Response(commit=self._commit())
            case "process_proposal":
                return abci.Response(process_proposal=application.judge_proposal(request.process_proposal))
            case "prepare_proposal":
                return abci.Response(prepare_proposal=application.propose(request.prepare_proposal))
            case "info":
                return abci.Response(info=application.info())
            case "init_chain":
                return abci.Response(init_chain=application.begin(request.init_chain))
            case "query":
                return abci.Response(query=application.query(request.query))
            case "echo":
                return abci.Response(echo=abci.ResponseEcho(message=request.echo.message))
            case "list_snapshots" | "load_snapshot_chunk" | "offer_snapshot" | "apply_snapshot_chunk":
                return self._answer_snapshots(request)
            case kind:
                # Vote extensions, which the genesis leaves out.
                raise InvariantError(f"the engine asked {kind}, and nothing here answers that")

    def _commit(self) -> abci.ResponseCommit:
        block, self._finalized = self._finalized, None
        if block is None:
            raise InvariantError("the engine commits a block that was not judged on this connection")
        return self._application.commit(block)

    def _answer_snapshots(self, request: abci.Request) -> abci.Response:
        if self._snapshots is None:
            return _refuse_snapshots(request)
        if request.HasField("list_snapshots"):
            listed = [
                abci.Snapshot(height=each.height, format=each.format, chunks=each.chunks, hash=each.hash, metadata=each.metadata)
                for each in self._snapshots.list()
            ]
            return abci.Response(list_snapshots=abci.ResponseListSnapshots(snapshots=listed))
        if request.HasField("load_snapshot_chunk"):
            load = request.load_snapshot_chunk
            chunk = self._snapshots.load(load.height, load.format, load.chunk)
            return abci.Response(load_snapshot_chunk=abci.ResponseLoadSnapshotChunk(chunk=chunk))
        if request.HasField("offer_snapshot"):
            offered = self._snapshots.offer(_read_offer(request.offer_snapshot.snapshot), request.offer_snapshot.app_hash)
            return abci.Response(offer_snapshot=abci.ResponseOfferSnapshot(result=offered.name))
        apply = request.apply_snapshot_chunk
        applied = self._snapshots.apply(apply.index, apply.chunk, apply.sender)
        return abci.Response(
            apply_snapshot_chunk=abci.ResponseApplySnapshotChunk(
                result=applied.result.name, refetch_chunks=applied.refetch, reject_senders=applied.reject
            )
        )


def _read_offer(snapshot: abci.Snapshot) -> Offer:
    return Offer(
        height=snapshot.height, format=snapshot.format, chunks=snapshot.chunks, hash=snapshot.hash, metadata=snapshot.metadata
    )


def _refuse_snapshots(request: abci.Request) -> abci.Response:
    """None are offered, and none are taken."""
    if request.HasField("list_snapshots"):
        return abci.Response(list_snapshots=abci.ResponseListSnapshots())
    if request.HasField("load_snapshot_chunk"):
        return abci.Response(load_snapshot_chunk=abci.ResponseLoadSnapshotChunk())
    if request.HasField("offer_snapshot"):
        return abci.Response(offer_snapshot=abci.ResponseOfferSnapshot(result=abci.ResponseOfferSnapshot.REJECT))
    return abci.Response(apply_snapshot_chunk=abci.ResponseApplySnapshotChunk(result=abci.ResponseApplySnapshotChunk.ABORT))
