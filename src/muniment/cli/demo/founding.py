"""How it begins: three people, the rules that they give themselves, and the data."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from muniment.cli.demo import rules
from muniment.cli.demo.diary import Diary
from muniment.cli.demo.learning import Biopsies, Part
from muniment.cli.demo.place import ADA, BEN, CLEO, Place
from muniment.cli.demo.release import MODEL, REQUIRED, Team
from muniment.cli.demo.text import Narrator
from muniment.client import identity, key_request, opening
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset


def found(place: Place, narrator: Narrator, diary: Diary, stack: ExitStack) -> tuple[Ledger, Ledger, Ledger]:
    """Found the ledger as Ada, and let Ben and Cleo in. What is opened is closed by the stack."""
    narrator.chapter("Three people, a ledger and its rules")
    narrator.say(
        "A ledger is a book to which entries are only ever added. Whoever makes an entry signs it with a key, and each "
        "entry is sealed together with all that came before. Change one, and no later seal fits any more."
    )
    narrator.say(
        "It also has rules, which it keeps by itself. Ada writes them down, in policy.toml: a model goes live only with the "
        f"approval of two people who neither trained it nor deploy it, and with an accuracy of at least {REQUIRED} in the test."
    )
    narrator.gap()
    place.rules.write_text(rules.TEXT, encoding="utf-8")
    ada = stack.enter_context(opening.found(place.settings(ADA), policy=str(place.rules)))
    narrator.happened("entry 0", f"Ada founds the ledger {ada.origin}. Its rules and her key are its first entry.")
    ben, cleo = (_admit(place, ada, actor, diary, stack) for actor in (BEN, CLEO))
    narrator.say(
        "This machine plays all three, so their keys lie in its folder. In earnest everybody keeps their own. (Every second "
        "entry is a seal, hence the gaps in the numbers.)"
    )
    return ada, ben, cleo


def _admit(place: Place, ada: Ledger, actor: str, diary: Diary, stack: ExitStack) -> Ledger:
    request = identity.request(place.home, ada.origin, actor, "person")
    admitted = ada.keys.admit(
        key_request.format(request), roles=[rules.APPROVER], reason=f"{actor.title()} decides what goes live."
    )
    said = "makes a key of his own and asks to be let in. Ada admits him as an approver." if actor == BEN else "comes in likewise."
    diary.note(admitted, f"{actor.title()} {said}")
    return stack.enter_context(place.open(actor))


def gather(place: Place, people: tuple[Ledger, Ledger, Ledger], biopsies: Biopsies, narrator: Narrator, diary: Diary) -> Team:
    """Register the data, and say what is asked of a model before there is one."""
    narrator.chapter("The data, and what is asked of a model")
    narrator.say(
        "569 biopsies that ship with scikit-learn: 30 measurements of cell nuclei for each patient, and whether the tumour "
        "was malignant. 369 patients are for training and 100 for the test. The last 100 stay in the drawer: they stand "
        "for those who come once the model is in use. In this story, those for training come from two clinics."
    )
    narrator.gap()
    ada = people[0]
    north, south, test = (_register(place.data, ada, biopsies, part, diary) for part in ("north", "south", "test"))
    training = _register(place.data, ada, biopsies, "training", diary)
    joined = ada.record(
        "dataset.transformed", {"operation": "join", "inputs": [north.digest, south.digest], "outputs": [training.digest]}
    )
    diary.note(joined, f"And that {training.title} was made of {north.title} and {south.title}.")
    plan = ada.plan(MODEL, "accuracy", "ge", REQUIRED, dataset=test, reason="Agreed with the hospital.")
    diary.note(plan.recorded, f"Ada says what a model must reach, before there is one: accuracy {REQUIRED} in the test.")
    narrator.say(
        "The short code beside a name is a fingerprint of the files, taken with SHA-256: one byte more or less, and it is "
        "another one."
    )
    ada, ben, cleo = people
    return Team(ada=ada, ben=ben, cleo=cleo, biopsies=biopsies, south=south, training=training, test=test, plan=plan)


def _register(folder: Path, ada: Ledger, biopsies: Biopsies, part: Part, diary: Diary) -> Dataset:
    path = folder / f"{part}.csv"
    rows = biopsies.write(part, path)
    data = ada.dataset(
        f"biopsies-{part}",
        path,
        rows=rows,
        licence="CC-BY-4.0",
        purposes=["diagnosis-support"],
        personal_data="no",
        source_category="public",
        origin="Breast Cancer Wisconsin (Diagnostic), as shipped with scikit-learn",
    )
    diary.note(data.recorded, f"Ada registers {data}: {rows} patients.")
    return data
