"""A policy written as a file, with a comment for each part: what `muniment policy show --toml` prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import msgspec

from muniment.core.rules.policy import Agreement, Approvals, DataTerms, Environment, Policy
from muniment.core.rules.policy_text import threshold

WIDTH = 100

_bare = re.compile(r"[A-Za-z0-9_-]+")


def format(policy: Policy, founder: Sequence[str] = ()) -> str:
    """Write a policy file with comments; `parse` reads the same policy from it.

    A policy that `parse` would not take, such as one that nobody could ever amend, is written all the same: it may be in force.
    """
    lines = [
        "# The policy of a ledger: what may happen, who may write it, and what an environment asks of a deployment.",
        "# docs/policy.md explains every setting; `muniment policy check FILE` says what is wrong with a file, and where.",
        "",
    ]
    if founder:
        lines += ["# The roles of whoever founds a ledger with this file; no part of the policy itself."]
        lines += [f"founder = {_list(founder)}", ""]
    lines += [
        "# Who must approve another policy before it takes the place of this one: roles, and how many persons of each.",
        '# In a consortium members are counted, each once, and "quorum" stands for more than two thirds of them.',
        f"amendment = {_approvals(policy.amendment)}",
        "",
        "# Whose holders may open and release a hold, and revoke the decisions of others. Empty: all who may write the event.",
        f"hold-roles = {_list(policy.hold_roles)}",
        "",
        "# Events whose refusal is recorded too, by the ledger's own service.",
        f"record-refusals = {_list(policy.record_refusals)}",
        "",
        '# The events that the holders of each role may write; "*" stands for all.',
        "[roles]",
    ]
    for role in policy.roles:
        lines += _setting(_key(role.name), role.may)
    if not policy.environments:
        lines += ["", "# No environment is listed: any may be deployed to, and none asks for anything."]
    for environment in policy.environments:
        lines += ["", *_environment(environment)]
    return "\n".join(lines) + "\n"


def _environment(environment: Environment) -> Iterable[str]:
    yield f"# What a version must have before it may run in {environment.name}."
    yield f"[environments.{_key(environment.name)}]"
    if environment.approvals:
        yield "# How many persons must approve it, each while holding the role."
        yield f"approvals = {_approvals(environment.approvals)}"
    if environment.separation:
        yield "# Those whose approval does not count, whichever account or service they act through."
        yield f"separation = {_list(environment.separation)}"
    if environment.evaluations:
        yield "# What must have been measured, on data of which use."
        yield from _setting("evaluations", [threshold.format(each) for each in environment.evaluations])
    if environment.max_approval_age_days is not msgspec.UNSET:
        yield "# After so many days an approval counts no longer."
        yield f"max-approval-age-days = {environment.max_approval_age_days}"
    if environment.data is not msgspec.UNSET:
        yield "# What the data must allow from which it learned, through any number of steps."
        yield f"data = {_data(environment.data)}"
    if environment == Environment(name=environment.name):
        yield "# Nothing is asked for."


def _data(terms: DataTerms) -> str:
    lists = [("licences", terms.licences), ("purposes", terms.purposes)]
    said = [f"{name} = {_list(texts)}" for name, texts in lists if texts]
    return f"{{ {', '.join([*said, f'allow-unknown-ancestry = {str(terms.allow_unknown_ancestry).lower()}'])} }}"


def _approvals(approvals: Sequence[Approvals | Agreement]) -> str:
    said = ", ".join(f"{_key(each.role)} = {json.dumps(each.count)}" for each in approvals)
    return f"{{ {said} }}" if said else "{}"


def _setting(key: str, texts: Sequence[str]) -> list[str]:
    line = f"{key} = {_list(texts)}"
    return [line] if len(line) <= WIDTH else [f"{key} = [", *(f"    {_quote(text)}," for text in texts), "]"]


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(_quote(text) for text in texts)}]"


def _key(name: str) -> str:
    return name if _bare.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    # Every text of a policy is printable ASCII, whose escapes are the same in JSON and TOML.
    return json.dumps(text)
