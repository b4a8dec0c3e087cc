"""`muniment consortium demo`"""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec

from muniment import exits
from muniment.cli import output
from muniment.cli.consortium_demo import nodes as neighbours
from muniment.cli.consortium_demo import proof, trouble
from muniment.cli.consortium_demo.place import CLINIC, HOSPITAL, LAB, WATCH, prepare
from muniment.cli.consortium_demo.proof import ANSWER, TRUST, Proof
from muniment.cli.consortium_demo.story import Story
from muniment.cli.demo.learning import Biopsies
from muniment.cli.demo.text import Narrator
from muniment.client.home import Home
from muniment.node.engine import binary


class Summary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The demo in the form that machines read."""

    folder: str
    origin: str
    ledger: str
    fingerprint: str
    recorded: int
    refused: tuple[str, ...]
    lie: str
    proof: Proof
    commands: tuple[str, ...]
    seconds: float


@click.command("demo", short_help="Four organisations on this machine: a story, a failure, a lie, a proof.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    default="consortium-demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the demo lives; an earlier one there is removed.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(folder: Path, as_json: bool) -> int:
    """Run four organisations on this machine, and let one of them fail and one of them lie.

    Founds a consortium, starts four real nodes, records a small real model's life across them, kills a node, lets another sign a
    history of its own, and ends with a proof that three of four stand behind. Works offline, touches nothing outside of its
    folder, and stops its nodes at the end.
    """
    began = time.monotonic()
    as_json = as_json or os.environ.get("MUNIMENT_OUTPUT") == "json"
    narrator = Narrator(silent=as_json)
    # First, because they may be missing: an earlier demo is then still there.
    binary.find(os.environ)
    biopsies = Biopsies.load()
    place = prepare(Path(os.path.abspath(folder)))
    narrator.title("One ledger, four organisations")
    narrator.say(
        f"A {LAB} that makes models, a {CLINIC} that has data, a {HOSPITAL} that uses them, and a {WATCH}dog. None of them keeps "
        "the ledger for the others: each runs a node, and each node judges every event by the same rules. The people are "
        "invented. The processes, the keys, the votes and the proofs are real."
    )
    with ExitStack() as stack:
        nodes = neighbours.found(place)
        stack.callback(nodes.close)
        _tell_founding(narrator, nodes)
        nodes.start()
        story = Story(place, nodes, biopsies, narrator, stack)
        people = story.gather()
        story.live(people)
        trouble.lose_one(nodes, people, narrator, story.diary)
        trust = Home(place.home(HOSPITAL)).load_trust()
        caught = trouble.lie(nodes, people, trust, narrator, story.diary)
        found = proof.ask(place, people, narrator)
    commands = _commands(folder)
    seconds = round(time.monotonic() - began, 1)
    _conclude(narrator, folder, commands, seconds)
    summary = Summary(
        folder=str(place.folder),
        origin=nodes.consortium.origin,
        ledger=nodes.consortium.ledger,
        fingerprint=nodes.consortium.fingerprint,
        recorded=len(story.diary.recorded),
        refused=tuple(each.name for each in story.diary.refused),
        lie=caught.code,
        proof=found,
        commands=tuple(line for _, line in commands),
        seconds=seconds,
    )
    if as_json:
        output.result(summary, True, ())
    return exits.OK


def _tell_founding(narrator: Narrator, nodes: neighbours.Nodes) -> None:
    narrator.chapter("Four organisations found a ledger")
    narrator.say(
        "One of them drafts it: its name, its members, its rules. Each makes its keys at home and answers. Each seals the same "
        "file from the four answers, and they read its fingerprint to each other:"
    )
    narrator.gap()
    narrator.happened("reads", nodes.consortium.fingerprint)
    narrator.say("Then each starts its node. That takes a few seconds.")


def _commands(folder: Path) -> list[tuple[str, str]]:
    program = f"{shlex.quote(sys.executable)} -m muniment" if Path(sys.argv[0]).name != "muniment" else shlex.quote(sys.argv[0])
    proofs = folder / "proofs"
    trust = shlex.quote(str(proofs / TRUST))
    return [
        ("the proof, as the regulator checks it", f"{program} verify {shlex.quote(str(proofs / ANSWER))} --trust {trust}"),
        ("what happened, as the watchdog's own copy has it", f"{program} log --home {shlex.quote(str(folder / WATCH))}"),
        ("start a node again (three of them make it go on)", f"{program} node start --home {shlex.quote(str(folder / LAB))}"),
    ]


def _conclude(narrator: Narrator, folder: Path, commands: list[tuple[str, str]], seconds: float) -> None:
    narrator.chapter("Yours to explore")
    narrator.say(
        f"That took {seconds:g} seconds. The nodes are stopped; in {folder} you find the home of each, with its own copy of the "
        "ledger, and what the regulator got. Three commands to try next:"
    )
    narrator.commands(commands)
