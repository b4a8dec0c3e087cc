"""A slow oracle of the rules: what may happen, decided anew from the whole history for every question.

    oracle.judge(history, now)      # the rules that refuse the entry `now`; none where it is admitted
    oracle.policy_at(history, 7)    # the policy that judges the block of height 7

It was written from the text of the rules (docs/spec 6 and 7) and shares no code with `muniment`. It keeps no record and no
state: whether a version is on hold, who held which role, what was withdrawn is found each time by reading all that was admitted
before. So it knows nothing of the ways in which records could go wrong.
"""

from oracle.deployments import requirements
from oracle.history import Entry, History, Json
from oracle.judgement import judge, repeats
from oracle.people import policy_at

__all__ = ["Entry", "History", "Json", "judge", "policy_at", "repeats", "requirements"]
