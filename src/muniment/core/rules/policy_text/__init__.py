"""The policy as people write it: `policy.toml` (docs/policy.md).

policy = policy_text.parse(text)        # every mistake names its line and its mend
text = policy_text.format(policy)       # the same policy, with comments that explain each part
policy_text.sentences(policy)           # what it says, in plain words
policy_text.doubts(policy)              # what it allows that was perhaps not meant
policy_text.compare(old, new)           # what becomes stricter, what looser
"""

from muniment.core.rules.policy_text.difference import Change, compare
from muniment.core.rules.policy_text.doubt import doubt_quorum, doubts
from muniment.core.rules.policy_text.file import (
    MAX_FILE_CHARACTERS,
    MAX_POLICY_BYTES,
    File,
    decode,
    parse,
    parse_file,
)
from muniment.core.rules.policy_text.layout import format
from muniment.core.rules.policy_text.sentence import describe_role, join, needed_first, sentences

__all__ = [
    "MAX_FILE_CHARACTERS",
    "MAX_POLICY_BYTES",
    "Change",
    "File",
    "compare",
    "decode",
    "describe_role",
    "doubt_quorum",
    "doubts",
    "format",
    "join",
    "needed_first",
    "parse",
    "parse_file",
    "sentences",
]
