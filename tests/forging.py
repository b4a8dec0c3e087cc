"""What members who collude can make: another ledger from the same genesis, sealed with their own real keys, and everything in it.

forged = forging.Forgery(tmp_path / "forged", them, ("lab", "watch"))
forged.serve(them.trust)                # a real server over it
forged.receipt(), forged.answer(), forged.bundle(), forged.step()
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import hosts
from consortium import Consortium
from muniment.core.format import checkpoint, entry, merkle, note, time
from muniment.core.format.merkle import Frontier
from muniment.core.format.note import Note
from muniment.core.proof import answer as answers
from muniment.core.proof import bundle as bundles
from muniment.core.proof import receipt as receipts
from muniment.core.proof import trust as trusts
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain, members
from muniment.core.rules.chain import Sealed, Transition
from muniment.ledger import prover, signers
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.store.file import Store
from muniment.node.founding import ledger_file


class Forgery:
    """A history of their own by some members of a consortium: real rules, real events of their people, real keys of theirs.

    `index` is the entry of the last event in it, `raw` that event.
    """

    def __init__(self, folder: Path, them: Consortium, colluding: Iterable[str], blocks: int = 3) -> None:
        folder.mkdir()
        self.folder = folder
        self.colluding = tuple(colluding)
        self._keys = {name: signers.load_file(them.nodes[name].home.cosigner_key) for name in self.colluding}
        self._consortium = them.nodes[self.colluding[0]].home.load_consortium()
        path = folder / "ledger.db"
        ledger_file.create(path, self._consortium, self._seal)
        self.store = Store.open(path)
        for number in range(blocks):
            self.append(them.system(self.colluding[0], f"forged-{number}"))
        self.head = self.note()

    def append(self, raw: bytes) -> None:
        """One block with one event, which the rules admit."""
        judged = self.store.append(chain.open_submissions([raw]), lambda _: time.format(system_clock()), self._seal)
        (verdict,) = judged.verdicts
        assert verdict.decision == "admitted", verdict
        self.index, self.raw = verdict.index, raw

    def note(self) -> bytes:
        """The newest checkpoint."""
        with self.store.view() as view:
            return view.checkpoint

    def serve(self, trust: Trust) -> hosts.Host:
        """A real server, which shows what it has."""
        (self.folder / "trust.toml").write_text(trusts.format(trust))
        return hosts.Host(self.folder, Embedded(self.store, None), trust, system_clock, lambda app: app)

    def receipt(self) -> str:
        """The receipt of the last event."""
        with self.store.view() as view:
            return receipts.format(prover.prove_receipt(view, self.index))

    def answer(self) -> bytes:
        """The answer about the last event."""
        with self.store.view() as view:
            return answers.encode(prover.prove_entry(view, self.index))

    def bundle(self) -> bytes:
        """A bundle with that answer and that receipt."""
        with self.store.view() as view:
            return bundles.encode(prover.prove_bundle(view, [prover.prove_entry(view, self.index)], entries=[self.index]))

    def path(self) -> tuple[Step, ...]:
        """The genesis, and a block in which those who collude have removed everybody else: no rule admits it, so none is asked."""
        with self.store.view() as view:
            first = view.entry(0)
        header = entry.decode_header(first)
        leaf = merkle.leaf(first)
        position = chain.Position(leaf.hex(), self._consortium.origin, 0, header.time, leaf, Frontier().extend([leaf]))
        everybody = self._consortium.validators
        ours = members.Validators(members=tuple(each for each in everybody.members if each.organisation in self.colluding))
        block = chain.Block(position, self._consortium.genesis().policy, time.format(system_clock()), ())
        sealed = chain.seal(block, Transition((), (), {}, validators=ours), merkle.EMPTY)
        step = Step(
            header=sealed.raw,
            note=self._seal(sealed).decode(),
            proof=(leaf,),
            consistency=(merkle.leaf(sealed.raw),),
        )
        return Step(header=first), step

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def _seal(self, sealed: Sealed) -> bytes:
        bare = Note(checkpoint.format(sealed.position.checkpoint), ())
        lines = [
            checkpoint.cosign(bare, members.cosigner_name(sealed.position.origin, name), key, system_clock() // 1_000_000)
            for name, key in sorted(self._keys.items())
        ]
        return note.format(Note(bare.text, tuple(map(note.parse_signature, lines))))
