"""The words of the API's description: what it is about, its tags, its errors, its examples, and the form of an envelope."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from muniment.core.format import dsse

DESCRIPTION = """Muniment records the life of AI models in a ledger in which nothing can be changed or left out unnoticed.

Whatever this interface says can be verified: answers under `/v1/answers` and by name are files that `muniment verify` checks
without this server; lists and searches are conveniences, and prove nothing. Times are RFC 3339 in UTC with six digits of
fraction; hashes, keys and digests are lower hex; integers stay within 2^53. Errors are problem details (RFC 9457) with a stable
`code` and a `hint` that says what to do. Where an answer has an `ETag`, `If-None-Match` asks whether it is still the same.

Another ledger of the same server lies under `/l/NAME`, with the same paths."""
TAGS = MappingProxyType(
    {
        "entries": "Events in, and what is stored, byte for byte.",
        "proofs": "The ledger as of its newest block, and proofs in its tree and its state.",
        "answers": "Questions whose answers are files that anybody can verify.",
        "things": "Lists and searches: conveniences that prove nothing.",
        "evidence": "Files by their digests, and what opens sealed fields.",
        "access": "Who may come in: tokens, keys that ask to be admitted, workloads with an identity of their own.",
        "following": "Being told what happens: a stream of blocks, webhooks, notes.",
        "server": "The server itself.",
    }
)
TAG_OF = MappingProxyType(
    {
        **dict.fromkeys(("entries", "judgements", "headers", "heights", "ids"), "entries"),
        **dict.fromkeys(("view", "ledger", "proofs", "records"), "proofs"),
        **dict.fromkeys(
            ("answers", "bundles", "prove", "at", "history", "lineage", "impact", "blame", "diff", "claim", "gate"), "answers"
        ),
        **dict.fromkeys(("blobs", "manifests", "disclosures"), "evidence"),
        **dict.fromkeys(("tokens", "requests", "identity"), "access"),
        **dict.fromkeys(("stream", "webhooks", "notes"), "following"),
        "openapi.json": "server",
    }
)
PROBLEMS = MappingProxyType(
    {
        "400": "Something about the request is not valid: `code` and `detail` say what.",
        "401": "No token, or none that is known.",
        "403": "The token may not do this.",
        "404": "There is no such thing, or no such ledger.",
        "409": "It contradicts what is recorded, or the rules.",
        "410": "The request cannot be met any more.",
        "413": "The body is larger than the server takes.",
        "422": "The bytes or proofs do not fit what they are said to be.",
        "429": "Too many requests: `Retry-After` says when to come again.",
        "500": "The ledger is damaged, or the server made a mistake.",
        "503": "Not now, such as while too many wait: `Retry-After` says when to come again.",
    }
)
EXAMPLES = MappingProxyType(
    {
        "actor": "alice",
        "a": "credit-risk@1",
        "b": "credit-risk@2",
        "claim": "approved",
        "cursor": "120",
        "deployment": "production/credit-risk",
        "environment": "production",
        "from": 1,
        "index": 1,
        "kind": "person",
        "limit": 50,
        "model": "credit-risk",
        "name": "loans",
        "new": 3,
        "of": "credit-risk@1",
        "old": 1,
        "path": "max_depth",
        "q": "credit-risk",
        "stream": "model/credit-risk",
        "thing": "credit-risk@1",
        "time": "2026-03-04T12:00:00.000000Z",
    }
)
ENVELOPE: Mapping[str, object] = MappingProxyType(
    {
        "title": "Envelope",
        "description": "A signed event: a DSSE envelope in its canonical bytes, with an in-toto statement as payload.",
        "type": "object",
        "properties": {
            "payload": {"type": "string", "contentEncoding": "base64", "description": "The in-toto statement, canonical JSON."},
            "payloadType": {"const": dsse.PAYLOAD_TYPE},
            "signatures": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "keyid": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The public key, in hex."},
                        "sig": {"type": "string", "contentEncoding": "base64", "description": "Ed25519 over the DSSE PAE."},
                    },
                    "required": ["keyid", "sig"],
                },
            },
        },
        "required": ["payload", "payloadType", "signatures"],
    }
)
LICENCE = MappingProxyType({"name": "Apache-2.0", "identifier": "Apache-2.0"})
TOKEN = MappingProxyType(
    {"type": "http", "scheme": "bearer", "description": "`mun_<id>_<secret>`, or the token of a known OIDC provider."}
)
