"""Parameters of the routes, with the forms that the ledger's own values have. `*.pattern` are those of OpenAPI as well."""

from __future__ import annotations

from typing import Annotated, get_args

from litestar.params import Parameter, QueryParameter

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.rules.events.stream_name import Stream

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*$"
SEGMENT = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DIGEST = r"^[0-9a-f]{64}$"
PLACE = r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+$"
EVENT_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
TIME = (
    r"^(?:now|[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?)$"
)
SEALED = r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"
MAX_NAME = 128
MAX_THING = 352
MAX_EVENT_NAMES = 64

STREAM: str = get_args(Stream)[1].pattern

# A path begins with the slash before it.
StreamPath = Annotated[
    str,
    Parameter(
        description="The whole name of a stream, such as model/NAME; its slashes may be escaped.",
        schema_extra={"pattern": STREAM, "maxLength": MAX_THING},
    ),
]
Index = Annotated[int, Parameter(ge=0, le=MAX_INTEGER, description="The index of an entry.")]
Height = Annotated[int, Parameter(ge=0, le=MAX_INTEGER, description="The height of a block.")]
Since = Annotated[
    int | None,
    QueryParameter(
        name="from", ge=0, le=MAX_INTEGER, description="Show as well that the ledger of so many entries is its beginning."
    ),
]
Digest = Annotated[str, Parameter(pattern=DIGEST, description="64 lower hex digits.")]
EventId = Annotated[str, Parameter(pattern=EVENT_ID, description="The id of an event (UUIDv7, lower case).")]
Commitment = Annotated[str, Parameter(pattern=SEALED, description="The commitment of a sealed field (base64url).")]
Thing = Annotated[
    str,
    Parameter(
        min_length=1,
        max_length=MAX_THING,
        description="A name, `name@3`, `environment/name`, a digest or its first digits, an entry, an event id, or a whole stream.",
    ),
]
Opened = Annotated[bool, Parameter(description="Open the sealed fields that the vault of the server holds.")]
Environment = Annotated[str | None, Parameter(pattern=SEGMENT, max_length=MAX_NAME, description="The name of an environment.")]
