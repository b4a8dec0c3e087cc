"""`muniment demo`"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import click

from muniment import exits
from muniment.cli import output
from muniment.cli.demo import summary
from muniment.cli.demo.aftermath import IMPACT
from muniment.cli.demo.asking import Answers, ask
from muniment.cli.demo.attack import Attack, Caught, Scene
from muniment.cli.demo.attacks import ATTACKS
from muniment.cli.demo.learning import Biopsies
from muniment.cli.demo.place import Place, locate, prepare
from muniment.cli.demo.release import DEPLOYMENT
from muniment.cli.demo.story import Life, Story
from muniment.cli.demo.text import Narrator
from muniment.core.format import digest
from muniment.core.proof.verify.words import LIMITS
from muniment.errors import InvariantError


@click.command()
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the demo lives; an earlier one there is removed.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(folder: Path, as_json: bool) -> int:
    """Tell a real model's life, prove it, then attack the proof.

    Trains a small model with scikit-learn on data that ship with it, records its life as three people, tries what the rules
    forbid, asks who approved what ran in production, checks every proof, and then attacks copies of the ledger. Works offline,
    touches nothing outside of its folder, and leaves a ledger there to explore.
    """
    began = time.monotonic()
    as_json = as_json or os.environ.get("MUNIMENT_OUTPUT") == "json"
    narrator = Narrator(silent=as_json)
    narrator.title("The life of one small model")
    # First, because it may fail where scikit-learn is missing: an earlier demo is then still there.
    biopsies = Biopsies.load()
    place, earlier = locate(Path(os.path.abspath(folder)))
    if earlier:
        narrator.say(f"There is a demo in {folder} from before. It is removed now, and a new one begins.")
    prepare(place)
    narrator.say(
        f"From its data to a bad deployment and back, written to a ledger that lies in {folder} and nowhere else. The people "
        "and the clinics are invented. The data, the model, its mistakes, every refusal, the signatures and the proofs are "
        "real, and made while you read."
    )
    life = Story(place, str(folder), biopsies, narrator).tell()
    answers = ask(place, life, narrator)
    outcomes = _attack(Scene(place, life, answers, place.home.load_trust()), folder, narrator)
    commands = _commands(folder, answers)
    seconds = round(time.monotonic() - began, 1)
    _conclude(narrator, folder, commands, seconds)
    if as_json:
        output.result(_summarise(place, life, answers, outcomes, commands, seconds), True, ())
    return exits.OK if all(outcome.code for outcome in outcomes) else exits.FAILURE


def _attack(scene: Scene, folder: Path, narrator: Narrator) -> list[summary.Outcome]:
    """Run every attack on a copy of its own."""
    narrator.chapter("Attacks")
    narrator.say(
        f"Now copies of all this are attacked, in {len(ATTACKS)} ways. Every attack has to be noticed by a check that anybody can "
        "run; one that is not makes this demo fail. In brackets stands the code that a program would see."
    )
    before = digest.sha256(scene.place.home.store.read_bytes())
    outcomes = []
    for number, attack in enumerate(ATTACKS, 1):
        caught = attack.run(scene, scene.place.attacks / f"{number:02}-{attack.name}")
        outcomes.append(summary.tell_attack(attack, caught))
        if caught is None:
            narrator.missed(attack.tried)
        else:
            narrator.caught(attack.tried, caught.by, caught.code, caught.message, _lesson(attack, caught, scene.place, folder))
    if digest.sha256(scene.place.home.store.read_bytes()) != before:
        raise InvariantError("an attack reached the ledger itself, and not a copy")
    missed = sum(outcome.code is None for outcome in outcomes)
    narrator.say(
        f"{missed} of {len(outcomes)} were not caught. That is a fault of Muniment."
        if missed
        else f"All {len(outcomes)} were caught. The original is untouched."
    )
    narrator.say(
        "What no check can find: had the operator rewritten everything before anybody looked, nobody would know. For that, "
        "people outside keep and countersign copies; until some do, every proof says solo."
    )
    return outcomes


def _lesson(attack: Attack, caught: Caught, place: Place, folder: Path) -> str:
    """What an attack shows, and where the evidence lies that its victim may show to others."""
    if not caught.evidence:
        return attack.lesson
    return f"{attack.lesson} {folder / Path(caught.evidence).relative_to(place.folder)}"


def _commands(folder: Path, answers: Answers) -> list[tuple[str, str]]:
    """Three commands that work on the ledger that is left behind, from the folder in which the demo was started."""
    program, home = _program(), f"--home {shlex.quote(str(folder / '.muniment'))}"
    model = shlex.quote(str(folder / "models" / "2"))
    return [
        ("everything that happened, the newest first", f"{program} log {home}"),
        ("what ran then and who approved it, with the proof", f"{program} at {DEPLOYMENT} {answers.moment} {home}"),
        ("which model this is, and whether any of its files changed", f"{program} verify {model} {home}"),
    ]


def _program() -> str:
    """How this program is called from here: by its name if the shell would find it, else by its path."""
    called = sys.argv[0]
    if Path(called).name != "muniment":
        return f"{shlex.quote(sys.executable)} -m muniment"
    found = shutil.which("muniment")
    if found is not None and os.path.exists(called) and os.path.samefile(found, called):
        return "muniment"
    return shlex.quote(called)


def _conclude(narrator: Narrator, folder: Path, commands: list[tuple[str, str]], seconds: float) -> None:
    narrator.say(LIMITS)
    narrator.chapter("Yours to explore")
    narrator.say(
        f"That took {seconds:g} seconds. In {folder} you find the ledger (.muniment), the data, the models, the proofs, and every "
        "attacked copy. Three commands to try next:"
    )
    narrator.commands(commands)


def _summarise(
    place: Place, life: Life, answers: Answers, outcomes: list[summary.Outcome], commands: list[tuple[str, str]], seconds: float
) -> summary.Summary:
    steps, versions, refusals = summary.tell_life(life)
    question, checks = summary.tell_answers(answers, DEPLOYMENT, str(place.proofs / "then.json"))
    return summary.Summary(
        folder=str(place.folder),
        origin=life.origin,
        ledger=life.ledger,
        steps=steps,
        versions=versions,
        refusals=refusals,
        withdrawal=summary.tell_withdrawal(life, str(place.proofs / IMPACT)),
        dispute=summary.tell_dispute(answers),
        question=question,
        checks=checks,
        attacks=tuple(outcomes),
        caught=sum(outcome.code is not None for outcome in outcomes),
        commands=tuple(line for _, line in commands),
        seconds=seconds,
    )
