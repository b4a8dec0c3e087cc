"""What an environment asks of a deployment, requirement by requirement (docs/spec, section 6.7).

    findings = evaluate(world, policy, case, ancestry.walk(world, case.version))
    [each for each in findings if not each.holds]        # what speaks against it

The rules refuse what does not hold; `muniment policy explain` shows all of it, met or not. Both read the same findings.
"""

from muniment.core.rules.requirements.case import WAIVABLE, Case, Finding, title
from muniment.core.rules.requirements.evaluate import evaluate
from muniment.core.rules.requirements.scene import Source, registrars, trainers
from muniment.core.rules.requirements.voices import Asked, Heard, count_approvals, count_members, count_voices, hear

__all__ = [
    "WAIVABLE",
    "Asked",
    "Case",
    "Finding",
    "Heard",
    "Source",
    "count_approvals",
    "count_members",
    "count_voices",
    "evaluate",
    "hear",
    "registrars",
    "title",
    "trainers",
]
