"""What four organisations record about one model; every line is an event that they all judged."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import msgspec

from muniment.cli.consortium_demo.nodes import Nodes
from muniment.cli.consortium_demo.place import APPROVERS, CLINIC, HOSPITAL, LAB, WATCH, Place
from muniment.cli.demo.diary import Diary
from muniment.cli.demo.learning import THRESHOLD, Biopsies
from muniment.cli.demo.release import MODEL, PRODUCTION, share
from muniment.cli.demo.text import Narrator
from muniment.client import identity, key_request
from muniment.client.drafting import Plain
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Recorded, Version
from muniment.errors import InvariantError


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Each at the node of his own organisation."""

    ada: Ledger
    sam: Ledger
    ben: Ledger
    eve: Ledger
    cleo: Ledger
    ivo: Ledger


class Story:
    """Tells it, as six people of four organisations."""

    def __init__(self, place: Place, nodes: Nodes, biopsies: Biopsies, narrator: Narrator, stack: ExitStack) -> None:
        self._place = place
        self._nodes = nodes
        self._biopsies = biopsies
        self._narrator = narrator
        self._stack = stack
        self.diary = Diary(narrator)

    def gather(self) -> People:
        """Open the ledger as everybody; the hospital and the watchdog each let an approver of their own in."""
        self._narrator.chapter("Their people")
        self._narrator.gap()
        ada, sam, ben, eve = (self._open(each) for each in (LAB, CLINIC, HOSPITAL, WATCH))
        self.diary.refuse(
            "other-house",
            "organisation",
            "Ada of the lab would like to enrol an approver for the watchdog.",
            lambda: self._admit(ada, WATCH, APPROVERS[WATCH]),
        )
        self.diary.note(self._admit(ben, HOSPITAL, APPROVERS[HOSPITAL]), "The hospital enrols Cleo as an approver.")
        self.diary.note(self._admit(eve, WATCH, APPROVERS[WATCH]), "The watchdog enrols Ivo as an approver.")
        cleo, ivo = (self._open(each, APPROVERS[each]) for each in (HOSPITAL, WATCH))
        return People(ada=ada, sam=sam, ben=ben, eve=eve, cleo=cleo, ivo=ivo)

    def live(self, people: People) -> tuple[Version, Recorded]:
        """From the data to production. Returns the version and its deployment."""
        narrator, diary = self._narrator, self.diary
        narrator.chapter("One model, four houses")
        narrator.gap()
        training = self._register(people.sam)
        model, version = self._train(people.ada, training)
        self._measure(people.ben, model, version)
        diary.refuse(
            "too-early",
            "approvals",
            "Ben of the hospital deploys it.",
            lambda: people.ben.deploy(version.digest, PRODUCTION, name=MODEL),
        )
        diary.note(
            people.cleo.approve(version.digest, PRODUCTION, reason="I have seen how it did on our own patients."),
            "Cleo of the hospital approves it for production.",
        )
        diary.note(
            people.ivo.approve(version.digest, PRODUCTION, reason="The file is complete."),
            "Ivo of the watchdog approves it too. His node judged all of the above by itself.",
        )
        deployed = people.ben.deploy(version.digest, PRODUCTION, name=MODEL)
        diary.note(deployed, "Ben deploys it.")
        return version, deployed

    def _open(self, organisation: str, actor: str | None = None) -> Ledger:
        node = self._nodes.by_name[organisation]
        return self._stack.enter_context(self._place.open(organisation, node.url, node.token, actor))

    def _admit(self, by: Ledger, organisation: str, actor: str) -> Recorded:
        request = identity.request(Home(self._place.home(organisation)), by.origin, actor, "person")
        return by.keys.admit(key_request.format(request), roles=["approver"], organisation=organisation)

    def _register(self, sam: Ledger) -> Dataset:
        path = self._place.data / "training.csv"
        patients = self._biopsies.write("training", path)
        data = sam.dataset("biopsies", path, licence="CC-BY-4.0", purposes=["diagnosis"], personal_data="pseudonymised")
        self.diary.note(data.recorded, f"Sam of the clinic registers its data: {patients} patients, as {data.title}.")
        return data

    def _train(self, ada: Ledger, training: Dataset) -> tuple[Any, Version]:
        parameters: dict[str, Plain] = {"C": 0.1, "solver": "newton-cholesky", "threshold": THRESHOLD}
        run = ada.training(
            MODEL, inputs={"training": training.digest}, parameters=parameters, entry_point="consortium-demo", strict=True
        )
        with run:
            model = self._biopsies.fit(0.1)
            score = self._biopsies.score(model, "training")
            for name, value in score.metrics().items():
                run.metric(name, value)
            self._biopsies.save(model, 0.1, self._place.model)
            version = run.register(MODEL, self._place.model)
        if version is None or run.started is None or run.finished is None:
            raise InvariantError("a strict run was not recorded")
        self.diary.note(run.started, f"Ada of the lab trains a model on {training.title}.")
        self.diary.note(
            version.recorded, f"What came out is registered as {version}: accuracy {share(score.accuracy)} in training."
        )
        return model, version

    def _measure(self, ben: Ledger, model: Any, version: Version) -> None:
        path = self._place.data / "test.csv"
        patients = self._biopsies.write("test", path)
        test = ben.dataset("own-patients", path, personal_data="pseudonymised")
        self.diary.note(test.recorded, f"Ben of the hospital registers {patients} patients of its own for a test.")
        auc = self._biopsies.measure_auc(model, "test")
        measured = ben.evaluate(version.digest, {"auc": auc}, dataset=test.digest, role="test")
        self.diary.note(measured, f"He measures {version} on them: auc {share(auc)}.")
