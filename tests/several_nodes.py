"""Several nodes over one ledger: of a small ledger with one operator, or of a consortium; each of them may lie.

club = Club(tmp_path)
club.serve("a"), club.serve("b", club.copy("earlier"))
nodes = club.nodes()
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hosts
import lying
import makers
from league import League
from lying import Liar
from muniment.core.proof import trust as trusts
from muniment.core.proof.evidence import Evidence
from muniment.core.proof.trust import Trust
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Verdict
from muniment.ledger.embedded import Embedded
from muniment.net.reader import Reader
from muniment.net.several import Several
from muniment.net.transport import Patience
from muniment.net.ways import Ways

HASTY = Patience(connect=10.0, read=60.0, answer=60.0, retries=0.2, attempts=1)
"""Who does not answer is left at once; who is slow is not."""


class Nodes:
    """Servers over ledgers, each of which may lie, and a client that names all of them."""

    def __init__(self, trust: Trust, *nodes: hosts.Host, **named: Any) -> None:
        self.nodes = nodes
        self.kept: list[Evidence] = []
        ways = Ways([hosts.transport(each.url, patience=HASTY) for each in nodes])
        self.several = Several(ways, trust, Reader(keep=self.keep, **named))

    def keep(self, found: Evidence) -> str:
        self.kept.append(found)
        return f"evidence-{len(self.kept)}.json"

    def lie(self, number: int, lie: lying.Lie) -> None:
        self.nodes[number].front.lie = lie

    def asked(self, number: int) -> list[str]:
        return list(self.nodes[number].front.asked)

    def look(self, ask: Callable[[Any], object] = lambda view: view.size) -> object:
        with self.several.view() as view:
            return ask(view)

    def close(self) -> None:
        self.several.close()
        for each in self.nodes:
            each.close()


def serve(folder: Path, path: Path, trust: Trust, engine: Embedded) -> hosts.Host:
    """A node of its own folder over a ledger's file elsewhere."""
    folder.mkdir()
    (folder / "ledger.db").symlink_to(path)
    (folder / "trust.toml").write_text(trusts.format(trust))
    return hosts.Host(folder, engine, trust, makers.StepClock(makers.NOON + 7_200_000_000), Liar)


class Members(Embedded):
    """Writes as a consortium does that is in one process: every block has everybody's line."""

    def __init__(self, league: League) -> None:
        super().__init__(league.store, None)
        self._league = league

    def append_block(self, submissions: list[Submission]) -> list[Verdict]:
        return self._league.store.append(submissions, self._league._next_time, self._league.seal).verdicts


class Club:
    """A consortium's ledger at two nodes; the first one may be a copy of an earlier day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.league = League(folder / "ledger.db")
        self.engines: list[Embedded] = []
        self.hosts: list[hosts.Host] = []

    def serve(self, name: str, path: Path | None = None) -> hosts.Host:
        engine = Members(self.league)
        self.hosts.append(serve(self.folder / name, path or self.folder / "ledger.db", self.league.trust, engine))
        return self.hosts[-1]

    def copy(self, name: str) -> Path:
        target = self.folder / f"{name}.db"
        self.league.store.backup(target)
        return target

    def nodes(self, **named: Any) -> Nodes:
        return Nodes(self.league.trust, *self.hosts, **named)


def strip(keep: int) -> lying.Lie:
    """Shows a checkpoint under its first lines only."""

    def edit(frame: Any) -> Any:
        text, _, lines = frame["checkpoint"].partition("\n\n")
        kept = "".join(f"{line}\n" for line in lines.splitlines()[:keep])
        return frame | {"checkpoint": f"{text}\n\n{kept}"}

    return lying.change("/v1/view", edit)
