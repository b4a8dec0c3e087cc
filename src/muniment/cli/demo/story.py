"""What happens to the model, and who says so: every line here is an event that the ledger has taken, or refused."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack

import msgspec

from muniment.cli.demo.learning import THRESHOLD, Biopsies, Part
from muniment.cli.demo.place import ADA, BEN, Place
from muniment.cli.demo.release import DEPLOYMENT, MODEL, PRODUCTION, Team, Trained, share
from muniment.cli.demo.text import Narrator
from muniment.client import capturing, identity, key_request, opening
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.client.things import Dataset, Recorded
from muniment.core.format import digest, time
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import InvariantError
from muniment.ledger.embedded import system_clock

PLANNED = 0.95
FIRST_C, SECOND_C = 0.1, 1000.0


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the facts that are asked about and attacked later. `old` is an answer from before the rollback."""

    origin: str
    ledger: str
    recorded: tuple[Recorded, ...]
    first: Trained
    second: Trained
    incident: Recorded
    rollback: Recorded
    refusal: PolicyViolation
    unregistered: str
    old: Proved


class Story:
    """Tells the life of the model through the SDK, as two people. `shown` is the demo's folder as people read it."""

    def __init__(self, place: Place, shown: str, biopsies: Biopsies, narrator: Narrator) -> None:
        self._place = place
        self._shown = shown
        self._biopsies = biopsies
        self._narrator = narrator
        self._recorded: list[Recorded] = []

    def tell(self) -> Life:
        """Live it, from the founding of the ledger to the rollback."""
        with ExitStack() as stack:
            ada, ben = self._found(stack)
            team = self._register_data(ada, ben)
            self._narrator.chapter("Version 1: trained, tested, approved, deployed")
            self._narrator.gap()
            first = self._release(team, 1, FIRST_C)
            refusal, unregistered = self._deploy_unregistered(ada)
            self._narrator.chapter("Version 2, and a bad week")
            self._narrator.say(
                "Ada trains again, with a setting that lets the model cling much closer to the patients it learns from. "
                "It meets the plan as well, and goes live."
            )
            self._narrator.gap()
            second = self._release(team, 2, SECOND_C)
            old = ben.prove_state(f"deployment/{DEPLOYMENT}")
            incident, rollback = self._roll_back(ada, first, second)
            return Life(
                origin=ada.origin,
                ledger=ada.id,
                recorded=tuple(self._recorded),
                first=first,
                second=second,
                incident=incident,
                rollback=rollback,
                refusal=refusal,
                unregistered=unregistered,
                old=old,
            )

    def _found(self, stack: ExitStack) -> tuple[Ledger, Ledger]:
        place, narrator = self._place, self._narrator
        narrator.chapter("Two people and a ledger")
        narrator.say(
            "A ledger is a book to which entries are only ever added. Whoever makes an entry signs it with a key, and each "
            "entry is sealed together with all that came before. Change one, and no later seal fits any more."
        )
        narrator.gap()
        ada = stack.enter_context(opening.found(place.settings(ADA)))
        narrator.happened("entry 0", f"Ada founds the ledger {ada.origin}. Its rules and her key are its first entry.")
        request = identity.request(place.home, ada.origin, BEN, "person")
        admitted = ada.keys.admit(key_request.format(request), roles=["approver"], reason="Ben decides what goes live.")
        self._note(admitted, "Ben makes a key of his own and asks to be let in. Ada admits him as an approver.")
        narrator.say(
            "This machine plays both people, so both keys lie in its folder. In earnest everybody keeps their own. "
            "(Every second entry is a seal, hence the gaps in the numbers.)"
        )
        return ada, stack.enter_context(place.open(BEN))

    def _register_data(self, ada: Ledger, ben: Ledger) -> Team:
        narrator = self._narrator
        narrator.chapter("The data, and what is asked of a model")
        narrator.say(
            "569 biopsies that ship with scikit-learn: 30 measurements of cell nuclei for each patient, and whether the tumour "
            "was malignant. 369 patients are for training and 100 for the test. The last 100 stay in the drawer: they stand "
            "for those who come once the model is in use."
        )
        narrator.gap()
        training, test = self._register_part(ada, "training"), self._register_part(ada, "test")
        plan = ada.plan(MODEL, "accuracy", "ge", PLANNED, dataset=test, reason="Agreed with the clinic.")
        self._note(plan.recorded, f"Ada says what a model must reach, before there is one: accuracy {PLANNED} in the test.")
        narrator.say(
            "The short code beside a name is a fingerprint of the files, taken with SHA-256: one byte more or less, and it is "
            "another one."
        )
        return Team(ada=ada, ben=ben, biopsies=self._biopsies, training=training, test=test, plan=plan)

    def _register_part(self, ada: Ledger, part: Part) -> Dataset:
        path = self._place.data / f"{part}.csv"
        rows = self._biopsies.write(part, path)
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
        self._note(data.recorded, f"Ada registers {data}: {rows} patients.")
        return data

    def _release(self, team: Team, number: int, c: float) -> Trained:
        return team.release(self._place.models / str(number), c, f"{self._shown}/models/{number}", self._note)

    def _deploy_unregistered(self, ada: Ledger) -> tuple[PolicyViolation, str]:
        narrator = self._narrator
        narrator.chapter("A deployment that is refused")
        edited = self._place.models / "edited"
        shutil.copytree(self._place.models / "1", edited)
        config = json.loads((edited / "config.json").read_text(encoding="utf-8"))
        config["threshold"] = THRESHOLD / 2
        (edited / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        found = capturing.read(edited).digest
        narrator.say(
            "Somebody changes one number in a copy of version 1, the threshold in config.json, and Ada is asked to deploy that "
            f"quickly. Nobody has registered these files ({digest.short(found)}), so nobody has tested or approved them."
        )
        narrator.gap()
        try:
            ada.deploy(found, PRODUCTION, name=MODEL, reason="A quick fix.")
        except PolicyViolation as refusal:
            narrator.refused(f"{refusal} [{refusal.code}]")
            return refusal, found
        raise InvariantError("a version that was never registered was deployed")

    def _roll_back(self, ada: Ledger, first: Trained, second: Trained) -> tuple[Recorded, Recorded]:
        narrator, bad = self._narrator, second.version
        narrator.say("Then the 100 patients come who were kept back.")
        narrator.gap()
        now = time.format(system_clock())
        compared = f"Version 1 would have been {first.later.sentence()}."
        report: dict[str, Plain] = {
            "about": [f"version/{bad.digest}"],
            "periodStartAt": now,
            "periodEndAt": now,
            "metrics": [{"metric": name, "value": value} for name, value in sorted(second.later.metrics().items())],
            "conclusion": compared,
        }
        said = f"In use: accuracy {share(second.later.accuracy)}, {second.later.sentence()}."
        self._note(ada.record("monitoring.reported", report), f"{said} {compared}")
        fields: dict[str, Plain] = {"severity": "high", "awareAt": now, "version": bad.digest, "hold": True, "impact": said}
        incident = ada.record("incident.recorded", fields)
        self._note(incident, "Ada records an incident and puts version 2 on hold.")
        rollback = ada.rollback(DEPLOYMENT, reason=f"Version 2 was {second.later.sentence()}.")
        self._note(rollback, "Ada rolls back: version 1 runs again.")
        return incident, rollback

    def _note(self, recorded: Recorded, what: str) -> None:
        self._recorded.append(recorded)
        self._narrator.happened(f"entry {recorded.index}", what)
