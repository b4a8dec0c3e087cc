"""Answers to the questions that have findings, and how each of them fails."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import msgspec

from muniment.core.format import encoding
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import Answer, Result
from muniment.core.proof.inquiry import (
    BlameQuestion,
    ClaimQuestion,
    DiffQuestion,
    GateQuestion,
    HistoryQuestion,
    ImpactQuestion,
    Inquiry,
    LineageFindings,
    LineageQuestion,
)
from muniment.ledger import prover
from published import cast
from published.attacks import FRAUD, Bad
from published.book import Book
from published.cast import Json, digest, event_id
from published.proofs import Edit, as_json, assemble
from published.rogues import Told, found, sign
from published.scribe import CLEAN, LOANS, LOANS_2, V1, V2, Scribe, public

PLACE = "deployment/production/credit-risk"
VERSION = f"version/{V1}"


def tell_good(book: Book) -> dict[str, Answer]:
    """An answer or more to each such question, by what the cases call it."""
    return {name: prover.prove_inquiry(book, question) for name, question in _list_questions().items()}


def list_names() -> list[str]:
    """What the cases call them."""
    return [*_list_questions()]


def _list_questions() -> dict[str, Inquiry]:
    second = f"version/{V2}"
    depth = BlameQuestion(of=VERSION, path="max_depth", target="hyperparameter")
    questions: dict[str, Inquiry] = {
        "history": HistoryQuestion(of="model/credit-risk"),
        "history, of one stream": HistoryQuestion(of=PLACE),
        "history, with a header": HistoryQuestion(of="policy"),
        "history, of nothing": HistoryQuestion(of=FRAUD),
        "history, of a data set": HistoryQuestion(of="dataset/loans"),
        "history, of an actor": HistoryQuestion(of="actor/dave"),
        "impact": ImpactQuestion(of="dataset/loans"),
        "impact, of nothing": ImpactQuestion(of=f"data/{digest('nothing')}"),
        "lineage, up": LineageQuestion(direction="up", of=second),
        "lineage, down": LineageQuestion(direction="down", of=f"data/{CLEAN}"),
        "lineage, of nothing": LineageQuestion(direction="up", of=f"version/{digest('nothing')}"),
        "blame": depth,
        "blame, of a deployment": BlameQuestion(of=PLACE, path="system", target="prompt"),
        "blame, set and unset": BlameQuestion(of=PLACE, path="beta", target="feature"),
        "blame, of nothing": BlameQuestion(of=VERSION, path="momentum", target="hyperparameter"),
        "gate": GateQuestion(environment="production", name="credit-risk", version=V1, keys=(public("ada"), public("carol"))),
        "gate, of another version": GateQuestion(environment="production", name="credit-risk", version=V2, waivers=(event_id(1),)),
        "gate, of nothing": GateQuestion(environment="staging", name="credit-risk", version=digest("nothing")),
        "diff": DiffQuestion(a=VERSION, b=second),
        "diff, with nothing": DiffQuestion(a=VERSION, b=f"version/{digest('nothing')}"),
    }
    for claim in ("approved", "not-approved", "deployed", "never-deployed"):
        questions[f"claim, {claim}"] = ClaimQuestion(claim=claim, environment="production", of=VERSION)  # type: ignore[arg-type]
    for claim, of in (
        ("never-deployed", f"version/{digest('nothing')}"),
        ("on-hold", second),
        ("not-on-hold", VERSION),
        ("withdrawn", f"data/{LOANS_2}"),
        ("not-withdrawn", f"data/{LOANS}"),
    ):
        questions[f"claim, {claim}, of another"] = ClaimQuestion(claim=claim, of=of)  # type: ignore[arg-type]
    return questions


def list_bad(book: Book, scribe: Scribe) -> list[Bad]:
    """Step 11: something is left out, put in, or claimed."""
    approved, changed = scribe.index("approved"), scribe.index("as the run had it")
    return [
        ("incomplete: an event left out", "history, of one stream", _drop_event(1), {}, 11, "history-count"),
        ("incomplete: the last event left out", "history, of one stream", _drop_event(-1), {}, 11, "history-count"),
        ("incomplete: an event that is named and not there", "history, of one stream", _drop_bytes(1), {}, 11, "event-missing"),
        ("incomplete: a header that is not there", "history, with a header", _drop_entry(0), {}, 11, "event-missing"),
        ("an event at another index", "history, of one stream", _renumber, {}, 11, "history-head"),
        ("another event at the end", "history, of one stream", _move_last, {}, 11, "history-order"),
        ("a version's stream left out", "history", _drop_stream(VERSION), {}, 11, "stream-missing"),
        ("a version's record left out", "history", _drop_state(VERSION), {}, 11, "state-missing"),
        ("a stream that nobody asked for", "history, of one stream", _add_stream(book), {}, 11, "stream-unasked"),
        ("an event of no stream", "history, of one stream", _add_event(book), {}, 11, "event-unbound"),
        ("a stream for an absent record", "history, of nothing", _add_stream(book, FRAUD), {}, 11, "history-count"),
        ("findings that say more", "history", _claim("count", 1), {}, 11, "findings"),
        ("findings that say nothing", "history", _drop_findings, {}, 11, "findings"),
        ("another word", "history", _say("absent"), {}, 11, "result"),
        ("a step down left out", "impact", _drop_stream(f"run/{scribe.id('run')}"), {}, 11, "stream-missing"),
        ("where it runs left out", "impact", _drop_state(PLACE), {}, 11, "state-missing"),
        ("a step up left out", "lineage, up", _drop_entry(scribe.index("run")), {}, 11, "event-missing"),
        ("the run's beginning left out", "blame", _drop_entry(scribe.index("run")), {}, 11, "event-missing"),
        ("the block of a change left out", "blame", _drop_entry(_sealed(book, changed)), {}, 8, "header-successor"),
        ("an approval left out", "claim, approved", _drop_indices(approved), {}, 11, "history-count"),
        ("how an approval stands left out", "claim, approved", _drop_state("approval/"), {}, 11, "state-missing"),
        ("a claim that does not hold", "claim, not-approved", _turn, {}, 11, "result"),
        ("a claim about another thing", "claim, on-hold, of another", _ask_of(VERSION), {}, 11, "state-missing"),
        ("a gate that lets pass what is held", "gate, on hold", _allow, {}, 11, "result"),
        ("a waiver that nobody shows", "gate, on hold and waived", _drop_state("waiver/"), {}, 11, "state-missing"),
        ("an approval that nobody shows", "gate, a disputed approval", _drop_state("approval/"), {}, 11, "state-missing"),
        ("a hold that nobody tells", "gate, on hold", _drop_objections, {}, 11, "findings"),
        ("the absence of a neighbour", "claim, never-deployed, of another", _rename, {}, 11, "state-absence"),
    ]


def list_files(good: dict[str, Json]) -> list[Json]:
    """Step 1: files that are no answer, or ask what nobody can be asked."""
    plain = good["history, of one stream"]
    twice = copy.deepcopy(plain)
    last = twice["entries"][-1]  # type: ignore[index]
    twice["events"].append({"entry": last["entry"], "index": last["index"]})  # type: ignore[union-attr,index]
    mixed = copy.deepcopy(plain)
    mixed["events"].reverse()  # type: ignore[union-attr]
    claim = copy.deepcopy(good["claim, not-withdrawn, of another"])
    claim["question"]["of"] = VERSION  # type: ignore[index]
    placed = []
    for name in ("claim, not-withdrawn, of another", "claim, not-on-hold, of another"):
        other = copy.deepcopy(good[name])
        other["question"]["environment"] = "production"  # type: ignore[index]
        word = other["question"]["claim"]  # type: ignore[index]
        placed.append({"name": f"{word} in an environment", "answer": other, "code": "bad-claim"})
    asked = []
    for name, field, of in (
        ("lineage, of nothing", "of", "model/credit-risk"),
        ("impact, of nothing", "of", PLACE),
        ("blame, of nothing", "of", "dataset/loans"),
        ("diff, with nothing", "b", "model/credit-risk"),
    ):
        other = copy.deepcopy(good[name])
        other["question"][field] = of  # type: ignore[index]
        asked.append({"name": f"{name.partition(',')[0]} of {of}", "answer": other, "code": "bad-question"})
    return [
        *asked,
        {"name": "an entry that stands twice", "answer": twice, "code": "not-sorted"},
        {"name": "events out of order", "answer": mixed, "code": "not-sorted"},
        {"name": "a claim that is none", "answer": claim, "code": "bad-claim"},
        *placed,
    ]


def tell_rogue() -> Iterator[Told]:
    """Records that name an entry which is something else."""
    version = digest("a version")
    for label, state in (
        ("a version that a note made", {"made": 1, "model": "m", "ordinal": 1, "status": "registered"}),
        ("data that a note made", {"made": 1, "name": "d", "ordinal": 1}),
    ):
        stream = f"{'version' if 'model' in state else 'data'}/{version}"
        book = found()
        record = Record(1, 1, digest("head"), 1, msgspec.Raw(encoding.encode(state)))
        raw = encoding.encode_struct(record)
        book.force(cast.moment(1), [sign(book)], records={stream: raw})
        question = LineageQuestion(direction="up", of=stream)
        result = Result(height=1, statuses=("complete",), findings=LineageFindings())
        yield label, assemble(book, question, result, indices=(1,), streams=(stream,)), 11, "event-kind"


def _sealed(book: Book, index: int) -> int:
    return book.header(book.sealed_by(index)).size


def _lists(answer: Json, *names: str) -> list[list[Json]]:
    return [answer[name] for name in names]  # type: ignore[misc]


def _drop_event(at: int) -> Edit:
    def change(answer: Json) -> None:
        streams, events = _lists(answer, "streams", "events")
        index = streams[0]["indices"].pop(at)  # type: ignore[union-attr]
        events[:] = [each for each in events if each["index"] != index]

    return change


def _drop_indices(index: int) -> Edit:
    def change(answer: Json) -> None:
        streams, events = _lists(answer, "streams", "events")
        for stream in streams:
            stream["indices"] = [each for each in stream["indices"] if each != index]  # type: ignore[union-attr]
        events[:] = [each for each in events if each["index"] != index]

    return change


def _drop_bytes(at: int) -> Edit:
    return lambda answer: _lists(answer, "events")[0].pop(at)


def _drop_entry(index: int) -> Edit:
    def change(answer: Json) -> None:
        for part in _lists(answer, *(name for name in ("entries", "events") if name in answer)):
            part[:] = [each for each in part if each["index"] != index]

    return change


def _drop_stream(name: str) -> Edit:
    def change(answer: Json) -> None:
        streams, events = _lists(answer, "streams", "events")
        streams[:] = [each for each in streams if each["stream"] != name]
        bound = {index for each in streams for index in each["indices"]}  # type: ignore[union-attr]
        events[:] = [each for each in events if each["index"] in bound]

    return change


def _drop_state(prefix: str) -> Edit:
    def change(answer: Json) -> None:
        (states,) = _lists(answer, "states")
        states[:] = [each for each in states if not str(each["name"]).startswith(prefix)]

    return change


def _renumber(answer: Json) -> None:
    streams, events = _lists(answer, "streams", "events")
    events[1]["index"] = streams[0]["indices"][1] = streams[0]["indices"][0] + 1  # type: ignore[index,operator]


def _move_last(answer: Json) -> None:
    streams, events = _lists(answer, "streams", "events")
    events[-1]["index"] = streams[0]["indices"][-1] = streams[0]["indices"][-1] + 1  # type: ignore[index,operator]


def _add_stream(book: Book, name: str = "dataset/loans") -> Edit:
    other = as_json(prover.prove_inquiry(book, HistoryQuestion(of="dataset/loans")))

    def change(answer: Json) -> None:
        held = {each["name"] for each in answer["states"]}  # type: ignore[union-attr]
        (whole,) = (each for each in other["streams"] if each["stream"] == "dataset/loans")  # type: ignore[union-attr]
        answer["streams"] = sorted([*answer.get("streams", []), {**whole, "stream": name}], key=lambda each: each["stream"])  # type: ignore[misc,has-type,index]
        events = [each for each in other["events"] if each["index"] in whole["indices"]]  # type: ignore[union-attr]
        answer["events"] = sorted([*answer.get("events", []), *events], key=lambda each: each["index"])  # type: ignore[misc,has-type,index]
        states = [each for each in other["states"] if each["name"] not in held]  # type: ignore[union-attr]
        answer["states"] = sorted([*answer["states"], *states], key=lambda each: each["name"])  # type: ignore[misc,has-type,index]

    return change


def _add_event(book: Book) -> Edit:
    add = _add_stream(book)

    def change(answer: Json) -> None:
        streams = copy.deepcopy(answer["streams"])
        add(answer)
        answer["streams"] = streams

    return change


def _claim(field: str, more: int) -> Edit:
    def change(answer: Json) -> None:
        answer["result"]["findings"][field] += more  # type: ignore[index,operator]

    return change


def _drop_findings(answer: Json) -> None:
    del answer["result"]["findings"]  # type: ignore[attr-defined]


def _say(word: str) -> Edit:
    return lambda answer: answer["result"].update(statuses=[word])  # type: ignore[union-attr]


def _turn(answer: Json) -> None:
    answer["result"]["findings"]["holds"] = True  # type: ignore[index]
    answer["result"]["statuses"] = ["holds"]  # type: ignore[index]


def _allow(answer: Json) -> None:
    answer["result"]["findings"]["allowed"] = True  # type: ignore[index]
    answer["result"]["statuses"] = ["holds"]  # type: ignore[index]


def _drop_objections(answer: Json) -> None:
    del answer["result"]["findings"]["objections"]  # type: ignore[attr-defined]


def _ask_of(stream: str) -> Edit:
    return lambda answer: answer["question"].update(of=stream)  # type: ignore[union-attr]


def _rename(answer: Json) -> None:
    """The absence of one version, under the name of another that is there."""
    was = answer["question"]["of"]  # type: ignore[index]
    answer["question"]["of"] = VERSION  # type: ignore[index]
    (proof,) = (each for each in answer["states"] if each["name"] == was)  # type: ignore[union-attr]
    proof["name"] = VERSION
