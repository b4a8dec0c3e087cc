"""What the policy still asks of a version before it may serve where it does not yet (docs/spec, section 6.7)."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.client.governing import Policies
from muniment.client.handover.contents import Handover, Open

# What else may stand against a deployment is listed as what it is: a hold, a rejection, a withdrawal.
_ASKED = frozenset({"approvals", "evaluations", "licence", "purpose", "separation", "unknown-ancestry"})


def find_pending(policies: Policies, found: Handover) -> Iterator[Open]:
    """The requirements that the newest version does not meet yet, in each environment of the policy where it does not run."""
    newest = found.versions[-1] if found.versions else None
    if newest is None or newest.retired is not None:
        return
    running = {row.environment for row in found.deployments if row.version == newest.digest and row.status == "running"}
    for environment in policies.in_force().policy.environments:
        if environment.name in running:
            continue
        explained = policies.explain(environment.name, newest.digest, anybody=True)
        for each in explained.findings:
            if not each.holds and each.rule in _ASKED:
                yield Open(kind="requirement", about=explained.title, sentence=f"{each.required} {each.found}".strip())
