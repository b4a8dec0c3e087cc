"""Trust files from and to C2SP tlog-policy, the format that other tools read (docs/spec, section 11.2).

    log example.com/credit+...
    witness alpha alpha.example/w+...
    group all#quorum 1 alpha
    quorum all#quorum

It can express less: it knows neither the ledger's id nor what a cosigner states. Reading takes the shapes that say "k of n
organisations": a quorum of none, one witness, or one group whose members are witnesses or `any` groups of witnesses. Such an
inner group is one organisation with several keys. Witnesses outside the quorum are left out, since they never count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from muniment.core.format import keys
from muniment.core.format.keys import Verifier
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Cosigner, Statement, Trust
from muniment.errors import InvalidInput

MAX_POLICY_CHARACTERS = 262_144
NONE = "none"

_control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_number = re.compile(r"[1-9][0-9]{0,2}")
_blank = re.compile(r"[ \t]+")


@dataclass(slots=True)
class _Policy:
    """What the lines said so far."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Verifier] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    quorum: str | None = None


def parse_policy(text: str, ledger: str, *, statement: Statement = "append-only") -> Trust:
    """Read a tlog-policy as trust in the ledger with this id; every witness is taken to state `statement`.

    Raises InvalidInput: `bad-policy` for what is no tlog-policy, `policy-not-expressible` for a shape that is not "k of n
    organisations" or logs of several origins, `bad-trust` for what no trust file may say. URLs are read and dropped.
    """
    if len(text) > MAX_POLICY_CHARACTERS:
        raise InvalidInput(f"{len(text)} characters where a policy has at most {MAX_POLICY_CHARACTERS}", code="too-long")
    if _control.search(text) is not None:
        raise _bad_policy("has a control character")
    policy = _Policy()
    for line in text.split("\n"):
        items = [item for item in _blank.split(line) if item]
        if items and not items[0].startswith("#"):
            _read_line(policy, items)
    if policy.quorum is None:
        raise _bad_policy("has no quorum line")
    origins = sorted({log.name for log in policy.logs})
    if len(origins) != 1:
        raise _not_expressible(f"lists logs of {len(origins)} origins, and a trust file is about one ledger")
    count, organisations = _read_quorum(policy, policy.quorum)
    cosigners = tuple(
        Cosigner(policy.witnesses[witness], organisation, statement) for organisation, held in organisations for witness in held
    )
    return trusts.check(Trust(origins[0], ledger, tuple(policy.logs), cosigners, count))


def format_policy(trust: Trust) -> str:
    """Write the logs, cosigners and quorum of a trust file as a tlog-policy; statements stay behind as comments."""
    trusts.check(trust)
    lines = [f"# ledger {trust.ledger}", *(f"log {keys.format(key)}" for key in trust.log_keys)]
    for organisation in trust.organisations:
        held = [cosigner for cosigner in trust.cosigners if cosigner.organisation == organisation]
        names = [organisation] if len(held) == 1 else [f"{organisation}#{n}" for n in range(1, len(held) + 1)]
        for name, cosigner in zip(names, held, strict=True):
            lines += [f"# states {cosigner.statement}", f"witness {name} {keys.format(cosigner.verifier)}"]
        if len(held) > 1:
            lines.append(f"group {organisation} any {' '.join(names)}")
    if trust.quorum:
        lines.append(f"group all#quorum {trust.quorum} {' '.join(trust.organisations)}")
    lines.append(f"quorum {'all#quorum' if trust.quorum else NONE}")
    return "\n".join(lines) + "\n"


def _read_line(policy: _Policy, items: list[str]) -> None:
    match items:
        case ["log", vkey] | ["log", vkey, _]:
            policy.logs.append(keys.parse(vkey))
        case ["witness", name, vkey] | ["witness", name, vkey, _]:
            _check_new(policy, name)
            policy.witnesses[name] = keys.parse(vkey)
        case ["group", name, threshold, *members] if members:
            _check_new(policy, name)
            policy.groups[name] = _read_threshold(threshold, len(members)), tuple(members)
            for member in members:
                known = member in policy.witnesses or (member in policy.groups and member != name)
                if not known or member in policy.members:
                    raise _bad_policy(f"has the group {name} with {member}, which is not defined above or already in a group")
                policy.members.add(member)
        case ["quorum", name] if policy.quorum is None:
            if name != NONE and name not in policy.witnesses and name not in policy.groups:
                raise _bad_policy(f"has the quorum {name}, which is not defined above it")
            policy.quorum = name
        case _:
            raise _bad_policy(f"has a line {' '.join(items)[:80]!r} that is not log, witness, group or the one quorum")


def _read_threshold(text: str, count: int) -> int:
    threshold = {"any": 1, "all": count}.get(text) or (int(text) if _number.fullmatch(text) else 0)
    if not 1 <= threshold <= count:
        raise _bad_policy(f"has a group that asks for {text[:20]!r} of {count}")
    return threshold


def _read_quorum(policy: _Policy, name: str) -> tuple[int, list[tuple[str, tuple[str, ...]]]]:
    """The quorum as k and organisations, each with the witnesses that speak for it."""
    if name == NONE:
        return 0, [(each, (each,)) for each in policy.witnesses]
    if name in policy.witnesses:
        return 1, [(name, (name,))]
    count, members = policy.groups[name]
    organisations: list[tuple[str, tuple[str, ...]]] = []
    for member in members:
        if member in policy.witnesses:
            organisations.append((member, (member,)))
            continue
        threshold, inner = policy.groups[member]
        if threshold != 1 or any(each in policy.groups for each in inner):
            raise _not_expressible(f"has the group {member}, which is not one organisation with several keys")
        organisations.append((member, inner))
    return count, organisations


def _check_new(policy: _Policy, name: str) -> None:
    if name == NONE or name in policy.witnesses or name in policy.groups:
        raise _bad_policy(f"defines {name} twice, or a name that has a meaning of its own")


def _bad_policy(reason: str) -> InvalidInput:
    return InvalidInput(f"the tlog-policy {reason}", code="bad-policy", hint="See c2sp.org/tlog-policy for its lines.")


def _not_expressible(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the tlog-policy {reason}",
        code="policy-not-expressible",
        hint='Write the trust file by hand; its quorum is "k of n organisations".',
    )
