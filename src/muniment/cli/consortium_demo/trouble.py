"""What goes wrong: a node that dies, and a member that lies. Neither stops the others."""

from __future__ import annotations

import os
import time

from muniment.cli.consortium_demo.nodes import CATCH_UP_SECONDS, Node, Nodes
from muniment.cli.consortium_demo.place import CLINIC, LAB
from muniment.cli.consortium_demo.story import People
from muniment.cli.demo.diary import Diary
from muniment.cli.demo.release import MODEL
from muniment.cli.demo.text import Narrator
from muniment.core.format import checkpoint, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import authority
from muniment.core.proof.trust import Trust
from muniment.core.rules import members
from muniment.errors import InvariantError, MunimentError, VerificationError
from muniment.ledger import signers
from muniment.net import address
from muniment.net.transport import Transport
from muniment.server.standing import Standing

WATCH_SECONDS = 15.0


def lose_one(nodes: Nodes, people: People, narrator: Narrator, diary: Diary) -> None:
    """Kill the clinic's node, go on without it, and let it come back."""
    narrator.chapter("One of four dies")
    node = nodes.by_name[CLINIC]
    node.kill()
    narrator.say("The clinic's machine loses its power: every process of its node is killed, with no time to say goodbye.")
    narrator.gap()
    began = time.monotonic()
    noted = people.eve.note(f"model/{MODEL}", "Reviewed while the clinic was away.")
    diary.note(noted, f"Eve of the watchdog records a note all the same: {time.monotonic() - began:.1f} s. Three are enough.")
    node.start()
    node.wait()
    wanted = _size(nodes.by_name[LAB])
    ends = time.monotonic() + CATCH_UP_SECONDS
    while _size(node) < wanted:
        if time.monotonic() > ends:
            raise InvariantError("the node that was killed did not catch up")
        time.sleep(0.1)
    narrator.happened("again", f"The clinic is back. It fetched and judged what it had missed: {wanted} entries, the same root.")


def lie(nodes: Nodes, people: People, trust: Trust, narrator: Narrator, diary: Diary) -> VerificationError:
    """Let the lab sign a history of its own, and show who notices. Returns what an outsider's check says."""
    narrator.chapter("One of four lies")
    lab = nodes.by_name[LAB]
    forged = _forge(lab, trust)
    narrator.say(
        "The lab would rather that its model had another past. It holds its own keys, so it can sign a checkpoint over a history "
        "that it made up, and show that to somebody."
    )
    narrator.gap()
    try:
        authority.open_head(forged, trust)
    except VerificationError as error:
        caught = error
    else:
        raise InvariantError("a checkpoint that one member made up was believed")
    narrator.happened("refused", f"An outsider with the trust file does not believe it. {caught}. [{caught.code}]")
    other = next(each for name, each in nodes.by_name.items() if name not in (LAB, CLINIC))
    told = _show(other, forged)
    narrator.happened("refused", f"Shown to the {other.organisation}'s node, it is taken as evidence: {told}")
    standing = _await_alarm(other)
    alarm = next(each for each in standing.alarms if each.organisation == LAB)
    narrator.happened("named", f"That node now says of the {LAB}: {alarm.text.rstrip('.')}. [{alarm.code}]")
    lab.stop()
    narrator.happened("away", f"The {LAB}'s node is switched off until that is cleared up. The other three go on.")
    diary.note(people.eve.note(f"model/{MODEL}", "The lab showed another history; see the evidence."), "Eve writes it down.")
    return caught


def _forge(lab: Node, trust: Trust) -> bytes:
    signer = signers.load_file(lab.home.cosigner_key)
    invented = Checkpoint(trust.origin, _size(lab), os.urandom(checkpoint.HASH_BYTES))
    text = checkpoint.format(invented)
    unsigned = note.Note(text, ())
    line = checkpoint.cosign(unsigned, members.cosigner_name(trust.origin, lab.organisation), signer, int(time.time()))
    return text.encode() + b"\n" + line.encode()


def _show(node: Node, forged: bytes) -> str:
    transport = Transport(address.parse(node.url))
    try:
        transport.send("/v1/cosignatures", {"notes": [forged.decode()]}, limit=1 << 20)
    except MunimentError as error:
        return f"{str(error).rstrip('.')}."
    finally:
        transport.close()
    return "the two notes are kept."


def _await_alarm(node: Node) -> Standing:
    ends = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < ends:
        standing = node.stand()
        if standing is not None and any(each.organisation == LAB for each in standing.alarms):
            return standing
        time.sleep(0.2)
    raise InvariantError("nobody named the member that lied")


def _size(node: Node) -> int:
    standing = node.stand()
    return -1 if standing is None else standing.size
