"""The founding of a consortium told in the terminal: drafts, answers, sealed files, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from muniment.cli import output
from muniment.core.rules import policy as policies
from muniment.core.rules import policy_text
from muniment.errors import InvalidInput
from muniment.ledger import pins
from muniment.node import files
from muniment.node import settings as node_settings
from muniment.node.founding import answer as answers
from muniment.node.founding import consortium as consortia
from muniment.node.founding import document, rules
from muniment.node.founding import draft as drafts
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Consortium
from muniment.node.founding.draft import Draft, Rules
from muniment.node.founding.joining import MAX_INVITATION_BYTES, Invitation
from muniment.node.founding.sealing import Sealed


def plain(value: msgspec.Struct) -> dict[str, object]:
    """A struct as --json shows it."""
    found: dict[str, object] = msgspec.to_builtins(value)
    return found


def fingerprint(digest: str) -> str:
    """The first half of a digest, in groups that people can read aloud."""
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


def tell_draft(draft: Draft, path: str, *, new: bool = False) -> Iterator[str]:
    """What is to be founded, what was perhaps not meant, and what each member runs."""
    yield f"{output.strong('A consortium to be founded')}: {draft.origin}"
    yield f"  draft        {path}"
    yield f"  fingerprint  {fingerprint(document.identify(draft))}  (what its members compare before they join)"
    yield f"  members      {', '.join(draft.members)}"
    published = draft.publisher if isinstance(draft.publisher, str) else "nobody"
    yield f"  publisher    {published}  (signs the log's own line, for tools that know no members)"
    yield f"  drafted      {output.when(draft.time)}"
    if isinstance(draft.rules, Rules):
        yield f"  policy       {output.short(policies.identify(draft.rules.policy))}"
        yield f"  roles        {policy_text.join(draft.rules.founder)}, of the first person of each member"
    else:
        yield f"  ledger       {output.short(str(draft.ledger))}, which moves in with everything that it holds"
    yield ""
    yield rules.describe_strength(len(draft.members))
    if isinstance(draft.rules, Rules):
        yield ""
        yield from policy_text.sentences(draft.rules.policy, len(draft.members))
        yield "In what changes the policy, the members or the protocol each member has one voice, whoever speaks for it."
        for doubt in rules.doubts(draft):
            yield output.bad(doubt)
    if not new:
        return
    yield ""
    yield "Send the draft to every member. Each of them runs, on the machine of its node:"
    yield f"  muniment consortium join {path} --organisation NAME --url https://HOST:8760 --p2p HOST:26656"
    yield "and sends the answer that this writes to all others. Then each of them runs:"
    yield f"  muniment consortium seal {path} ANSWER..."
    if draft.moves:
        yield "The owner of the ledger seals first, in its home: that writes the members into it, and a copy for the others."
        yield "Each of them audits the copy whole: muniment consortium seal ... --ledger COPY"


def tell_answer(invitation: Invitation, answer: Answer, path: str, home: Path, listen: str = "") -> Iterator[str]:
    """What was answered, where the keys are, and what comes next."""
    body, origin = answer.body, invitation.draft.origin
    yield f"{output.strong(answer.organisation)} joins {origin}"
    yield f"  answer       {path}  (public; send it to the other members)"
    yield f"  fingerprint  {fingerprint(document.identify(answer))}  (what the others compare with what they got)"
    yield f"  home         {home}  (its keys stay here; keep a copy of them where only you can read it)"
    yield f"  person       {body.person.id}"
    yield f"  node         {body.service.id}"
    yield from _addresses(answer)
    if listen:
        yield f"  listens      {listen}"
    if listen and is_hidden(listen, body.url if isinstance(body.url, str) else ""):
        yield output.bad("Nobody else reaches that address: put a proxy before it, or join again with --listen 0.0.0.0:PORT.")
    yield ""
    if invitation.sealed is not None:
        yield f"Next, by the members: muniment member admit {path} --propose, --approve, and then --role ROLE"
        yield "Then, here: muniment consortium seal SEALED, and muniment node start"
        return
    yield rules.describe_strength(len(invitation.draft.members))
    yield "Next, once you have the answers of all others: muniment consortium seal DRAFT ANSWER..."


def is_hidden(listen: str, url: str) -> bool:
    """Would others look for a ledger at `url` that is served on this machine alone?"""
    return bool(url) and node_settings.is_local(listen) and not node_settings.is_local(urlsplit(url).netloc)


def choose_listen(url: str) -> str:
    """Where a member serves who did not say: at its own address where that is on this machine, else behind a proxy."""
    place = urlsplit(url).netloc
    return place if node_settings.is_place(place) and node_settings.is_local(place) else node_settings.LISTEN


def tell_sealed(sealed: Sealed, home: Path, copy: Path | None) -> Iterator[str]:
    """What was sealed, what to compare aloud, and how the node is started."""
    consortium, start = sealed.consortium, sealed.consortium.start
    said = "was sealed here before, and is the same" if sealed.again else "is sealed"
    yield f"{output.strong(consortium.origin)} {said}"
    yield f"  fingerprint  {output.strong(consortium.fingerprint)}"
    yield "               Read it aloud to the other members: it is the same for all, or somebody sealed something else."
    yield f"  ledger       {consortium.ledger}"
    yield f"  clients see  {pins.fingerprint(consortium.trust())}  (when they first meet it; changes with its members)"
    yield f"  members      {', '.join(each.organisation for each in consortium.answers)}"
    yield f"  home         {home}  (you are {sealed.organisation})"
    if consortium.moved:
        yield f"  starts       after {start.size} entries, block {start.height}, {output.when(start.time)} (the ledger's clock)"
    if consortium.moved and copy is not None:
        yield f"  copy         {copy}  (each other member gives it as --ledger {copy}, and audits it)"
    yield ""
    yield rules.describe_strength(len(consortium.answers))
    listed = {each.organisation for each in sealed.settings.peers if each.p2p}
    silent = [each.organisation for each in consortium.answers if each.organisation not in {*listed, sealed.organisation}]
    if silent:
        yield f"Where to reach the engine of {policy_text.join(silent)} is not known: write it into {home / 'node' / 'node.toml'}."
    if sealed.organisation not in {each.organisation for each in consortium.answers}:
        yield f"{sealed.organisation} votes once the members have admitted it: `muniment member admit`, by one of them."
    yield "Next: muniment node start"


def describe(path: Path) -> tuple[dict[str, object], Iterator[str]]:
    """What a file of a founding holds, for programs and for people. Raises InvalidInput (`not-of-a-founding`) for any other."""
    raw = files.read(path, MAX_INVITATION_BYTES)
    if consortia.FORMAT.encode() in raw:
        consortium = consortia.verify(consortia.decode(raw))
        return {"kind": "consortium", "fingerprint": consortium.fingerprint, **plain(consortium)}, _tell_consortium(consortium)
    if answers.FORMAT.encode() in raw:
        answer = answers.verify_keys(answers.decode(raw))
        return {"kind": "answer", "digest": document.identify(answer), **plain(answer)}, _tell_member(answer)
    if drafts.FORMAT.encode() in raw:
        draft = drafts.decode(raw)
        return {"kind": "draft", "digest": document.identify(draft), **plain(draft)}, tell_draft(draft, str(path))
    raise InvalidInput(
        f"{path} is no draft, no answer and no sealed file of a consortium",
        code="not-of-a-founding",
        hint="`muniment verify` looks at proofs, bundles and ledgers.",
    )


def _tell_consortium(consortium: Consortium) -> Iterator[str]:
    yield f"{output.strong('A sealed consortium')}: {consortium.origin}"
    yield f"  fingerprint  {consortium.fingerprint}"
    yield f"  ledger       {consortium.ledger}"
    yield f"  chain        {consortium.chain_id}, from entry {consortium.start.size} on"
    yield ""
    yield rules.describe_strength(len(consortium.answers))
    for each in consortium.answers:
        yield ""
        yield from _tell_member(each)


def _tell_member(answer: Answer) -> Iterator[str]:
    body = answer.body
    yield f"{output.strong(answer.organisation)}, signed by all of its keys, for {body.origin}"
    yield f"  fingerprint  {fingerprint(document.identify(answer))}"
    yield f"  draft        {output.short(body.draft)}"
    for use, key in sorted(body.list_keys().items()):
        yield f"  {use:<11}  {key}"
    yield f"  actors       {body.person.id} (person), {body.service.id} (node)"
    yield from _addresses(answer)


def _addresses(answer: Answer) -> Iterator[str]:
    url, p2p = answer.body.url, answer.body.p2p
    yield f"  url          {url if isinstance(url, str) else 'not said; the others write it into their node.toml'}"
    yield f"  p2p          {p2p if isinstance(p2p, str) else 'not said; the others write it into their node.toml'}"
