"""The sealed file of a consortium: the draft, every member's answer, and where its chain starts.

    sealed = build(draft, answers)          # the same value for whoever builds it, in whatever order the answers come
    decode(document.encode(sealed))
    verify(decode(raw))                     # for a file that somebody handed over

A new ledger starts at its genesis, which follows from draft and answers alone. One that moves in starts where its newest
checkpoint ends; every member audits it whole before it starts there (moving).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from muniment.core.format import entry, keys, state_map
from muniment.core.format.encoding import HexDigest, Natural, Time
from muniment.core.proof import consortium as councils
from muniment.core.proof.trust import Trust
from muniment.core.rules import beginning, members
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Validators
from muniment.errors import InvalidInput
from muniment.node.engine import genesis_json
from muniment.node.founding import answer as answers_
from muniment.node.founding import document
from muniment.node.founding import draft as drafts
from muniment.node.founding.answer import Answer
from muniment.node.founding.document import UNSET, Part
from muniment.node.founding.draft import Draft

FORMAT: Literal["urn:muniment:consortium:v1"] = "urn:muniment:consortium:v1"
MAX_CONSORTIUM_BYTES = 4 * 1024 * 1024

_FINGERPRINT_DIGITS = 32


class Start(Part, frozen=True, kw_only=True):
    """The state of the ledger that the chain starts from.

    ledger: its id
    height: of its last header, `leaf` the leaf of that header, `time` its time
    root, size: of the tree that ends with that header
    protocol: the number in force for the next block
    """

    ledger: HexDigest
    height: Natural
    leaf: HexDigest
    protocol: Natural
    root: HexDigest
    size: Natural
    time: Time


class Consortium(Part, frozen=True, kw_only=True):
    """What all members sealed: the same bytes for all. `answers` ascend by organisation."""

    format: Literal["urn:muniment:consortium:v1"]
    draft: Draft
    answers: tuple[Answer, ...]
    start: Start

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.draft.origin

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        return self.start.ledger

    @property
    def chain_id(self) -> str:
        """What the engine calls this chain."""
        return genesis_json.name_chain(self.ledger)

    @property
    def moved(self) -> bool:
        """Did a solo ledger move in?"""
        return self.draft.moves

    @property
    def validators(self) -> Validators:
        """The members that the chain starts with."""
        publisher = next((each.publisher for each in self.answers if each.publisher is not None), UNSET)
        return Validators(members=tuple(each.member for each in self.answers), publisher=publisher)

    @property
    def fingerprint(self) -> str:
        """What the members compare aloud: it stands for every byte of the file."""
        text = document.identify(self)[:_FINGERPRINT_DIGITS]
        return " ".join(text[at : at + 4] for at in range(0, _FINGERPRINT_DIGITS, 4))

    def find(self, organisation: str) -> Answer | None:
        """What a founding member answered."""
        return next((each for each in self.answers if each.organisation == organisation), None)

    def genesis(self) -> Genesis:
        """The genesis of a new ledger."""
        return _genesis(self.draft, self.answers)

    def trust(self) -> Trust:
        """Whom to believe about the ledger: a quorum of its members, and the keys that signed it before they voted."""
        return councils.to_trust(self.origin, self.ledger, self.validators, map(keys.parse, self.draft.log_keys))


_read = document.decoder(Consortium, limit=MAX_CONSORTIUM_BYTES)


def decode(raw: bytes) -> Consortium:
    """Read the sealed file. Verifies nothing. Raises InvalidInput (`bad-consortium`)."""
    try:
        return _read(raw)
    except InvalidInput as error:
        raise _bad(f"this is no sealed file of a consortium: {error}") from None


def build(draft: Draft, answers: Iterable[Answer], start: Start | None = None) -> Consortium:
    """Seal a draft with the answers of all its members, each of them verified.

    `start` is of the ledger that moves in; a new one starts at its genesis. Raises InvalidInput as `answer.verify`, and
    (`bad-draft`, `answers-missing`, `two-answers`, `key-shared`, `actor-shared`, `members-too-many`).
    """
    drafts.check(draft)
    ordered = sorted((answers_.verify(each, draft) for each in dict.fromkeys(answers)), key=lambda each: each.organisation)
    _check_complete(draft, ordered)
    _check_apart(ordered)
    if not draft.moves:
        start = _begin(draft, ordered)
    elif start is None or start.ledger != draft.ledger:
        raise _bad(
            "the ledger that moves in is not the one of the draft" if start else "the ledger that moves in is missing",
            "other-ledger",
            "Give it with --ledger FILE: the copy that its owner's `muniment consortium seal` wrote.",
        )
    sealed = Consortium(format=FORMAT, draft=draft, answers=tuple(ordered), start=start)
    members.check(sealed.validators)
    return sealed


def verify(consortium: Consortium) -> Consortium:
    """Check that a sealed file is what `build` makes of its parts, and return the same. Raises InvalidInput as `build`."""
    if build(consortium.draft, consortium.answers, consortium.start if consortium.moved else None) != consortium:
        raise _bad("this sealed file is not what its draft and answers make: somebody changed it")
    return consortium


def _begin(draft: Draft, answers: list[Answer]) -> Start:
    """Where a new ledger starts: its genesis block, sealed as every member will seal it."""
    founding = _genesis(draft, answers)
    try:
        transition = beginning.found(founding, draft.time)
        leaves = {key: state_map.leaf(key, value) for key, value in transition.records.items()}
        map_ = state_map.Tree.decode([], 0)
        position = beginning.seal(founding, draft.time, map_.build(map_.plan(leaves), [], leaves).root).position
    except InvalidInput as error:
        if error.code in ("too-long", "record-size", "header-size"):
            raise _bad(
                f"a genesis with {len(answers)} members is too large for one entry: {error}",
                "members-too-many",
                "Found the consortium with fewer members or a shorter policy, and admit the others with `muniment member admit`.",
            ) from None
        raise
    frontier = position.frontier
    return Start(
        ledger=position.ledger,
        height=0,
        leaf=position.leaf.hex(),
        protocol=entry.PROTOCOL,
        root=frontier.root().hex(),
        size=frontier.size,
        time=draft.time,
    )


def _genesis(draft: Draft, answers: Iterable[Answer]) -> Genesis:
    if draft.rules is UNSET:
        raise _bad("the ledger that moves in has a genesis already")
    listed = list(answers)
    founders = [founder for each in listed for founder in each.list_founders(draft.rules.founder)]
    return Genesis(
        origin=draft.origin,
        actors=tuple(sorted(founders, key=lambda each: each.id)),
        policy=draft.rules.policy,
        members=tuple(each.member for each in listed),
        publisher=next((each.publisher for each in listed if each.publisher is not None), UNSET),
    )


def _check_complete(draft: Draft, answers: list[Answer]) -> None:
    names = [each.organisation for each in answers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _bad(
            f"there are two different answers of {twice[0]}",
            "two-answers",
            f"Ask {twice[0]} which one holds, aloud: only one of them was made with its keys.",
        )
    if missing := [name for name in draft.members if name not in names]:
        raise InvalidInput(
            f"the answer of {', '.join(missing)} is missing",
            code="answers-missing",
            hint="Each of them runs `muniment consortium join` with the draft, and sends you the file that it writes.",
            details={"missing": missing},
        )


def _check_apart(answers: list[Answer]) -> None:
    """No key and no name serves two members: whoever could count twice would."""
    holders: dict[str, str] = {}
    for each in answers:
        for key in each.body.list_keys().values():
            other = holders.setdefault(key, each.organisation)
            if other != each.organisation:
                raise _bad(f"{other} and {each.organisation} use the same key ({key[:8]}…)", "key-shared")
    actors: dict[str, str] = {}
    for each in answers:
        for actor in (each.body.person.id, each.body.service.id):
            other = actors.setdefault(actor, each.organisation)
            if other != each.organisation:
                hint = f"One of them joins again, with another --person than {actor}."
                raise _bad(f"{other} and {each.organisation} both call somebody {actor}", "actor-shared", hint)


def _bad(reason: str, code: str = "bad-consortium", hint: str | None = None) -> InvalidInput:
    return InvalidInput(
        reason, code=code, hint=hint or "Compare the files of the members, and seal again from the draft and all answers."
    )
