"""Names of streams: the keys of the state map, one thing's history each (docs/spec, sections 7 and 12.1).

actor/<id>  acts/<id>  attempts/<id>  policy  protocol  members  member/<organisation>  validator/<address>  cosigner/<key>
dataset/<name>  model/<name>  system/<name>  data/<sha256>  version/<sha256>  key/<keyid>  link/<ledger id>
run/<eventId>  plan/<eventId>  evaluation/<eventId>  approval/<eventId>  waiver/<eventId>  incident/<eventId>
amendment/<eventId of the target>  deployment/<environment>/<name>  parameter/<of>/<sha256 of target "/" path>
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAME = rf"{_SEGMENT}(?:/{_SEGMENT})*"
_DIGEST = r"[0-9a-f]{64}"
_EVENT = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

Stream = Annotated[
    str,
    msgspec.Meta(
        pattern="^(?:members|policy|protocol"
        rf"|(?:actor|acts|attempts|member)/{_SEGMENT}"
        rf"|(?:dataset|model|system)/{_NAME}"
        rf"|(?:cosigner|data|version|key|link)/{_DIGEST}"
        r"|validator/[0-9a-f]{40}"
        rf"|(?:run|plan|evaluation|approval|waiver|incident|amendment)/{_EVENT}"
        rf"|deployment/{_SEGMENT}/{_NAME}"
        rf"|parameter/(?:version/{_DIGEST}|deployment/{_SEGMENT}/{_NAME})/{_DIGEST}"
        r")$(?!\n)",
        max_length=352,
    ),
]


def deployment(environment: str, name: str) -> str:
    """The stream of what serves under a name in an environment. An environment is one segment, so that this is one to one."""
    return f"deployment/{environment}/{name}"


def parameter(of: str, target: str, path: str) -> str:
    """The stream of one setting of a version or a deployment.

    `of` is that thing's own stream, `version/<sha256>` or `deployment/<environment>/<name>`. The last segment is the lower
    hex SHA-256 of the ASCII bytes of target, "/" and path; no target holds a "/", so that this is one to one.
    """
    return f"parameter/{of}/{hashlib.sha256(f'{target}/{path}'.encode()).hexdigest()}"
