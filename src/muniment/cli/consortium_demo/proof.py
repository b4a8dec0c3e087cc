"""What an outsider gets: one file, checked with one trust file, signed by three of four."""

from __future__ import annotations

import msgspec

from muniment.cli.consortium_demo.place import HOSPITAL, Place
from muniment.cli.consortium_demo.story import People
from muniment.cli.demo.release import DEPLOYMENT
from muniment.cli.demo.text import Narrator
from muniment.client.home import Home
from muniment.core.proof import trust as trusts
from muniment.core.proof.verify import Verified, verify_answer
from muniment.core.proof.verify.verified import UNSET
from muniment.errors import InvariantError

ANSWER, TRUST = "now.json", "trust.toml"


class Proof(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer as an outsider reads it: what runs, who approved it, who stands behind it."""

    ran: str
    approved_by: tuple[str, ...]
    organisations: tuple[str, ...]
    tier: str
    basis: str
    entries: int


def ask(place: Place, people: People, narrator: Narrator) -> Proof:
    """Ask as Ben, hand the answer and the trust file over, and read both back as somebody who knows nobody here."""
    narrator.chapter("The proof")
    narrator.say(
        "A regulator asks what runs in production, and who approved it. Ben asks his node, and hands over two files: the answer, "
        "and the trust file with the members' keys."
    )
    narrator.gap()
    people.ben.at(DEPLOYMENT, disclose=True).save(place.proofs / ANSWER)
    trust = Home(place.home(HOSPITAL)).load_trust()
    (place.proofs / TRUST).write_text(trusts.format(trust), encoding="utf-8")
    read = trusts.parse((place.proofs / TRUST).read_text(encoding="utf-8"))
    verified = verify_answer((place.proofs / ANSWER).read_bytes(), read)
    found = _read(verified)
    narrator.holds(f"{found.ran} runs in production; approved by {' and '.join(found.approved_by)}.")
    named = f"{', '.join(found.organisations[:-1])} and {found.organisations[-1]}"
    narrator.holds(
        f"{named} voted for order and state: {len(found.organisations)} of {len(read.organisations)}; {read.quorum} are asked for."
    )
    return found


def _read(verified: Verified) -> Proof:
    ground = verified.ground
    if ground.tier != "consortium" or verified.subject is UNSET:
        raise InvariantError(f"the answer has the tier {ground.tier}")
    approvals = [said for said in verified.said if said.event == "approval.decided"]
    return Proof(
        ran=verified.subject.thing.name,
        approved_by=tuple(each.actor for each in approvals),
        organisations=tuple(ground.basis_by),
        tier=ground.tier,
        basis=ground.basis,
        entries=ground.size,
    )
