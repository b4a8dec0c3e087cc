"""The description of the API (OpenAPI 3.1), made from the routes and from the structs that they take and give.

    describe(routes)        # the whole document, as plain values

Parameters are read off the routes' own signatures; schemas are msgspec's, because it is msgspec that decodes and encodes; which
errors can come follows from what a route does. `/v1/openapi.json` serves it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_origin

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Empty

from muniment._version import __version__
from muniment.client.showing import Shown
from muniment.core.format import dsse
from muniment.server import guard
from muniment.server.api import BODIES, DOCUMENTED, answering
from muniment.server.api import ROUTES as API
from muniment.server.api.answering import JSON, Asked
from muniment.server.problems import MEDIA_TYPE, Problem
from muniment.server.settings import Settings

Json = dict[str, Any]

PATH = "/v1/openapi.json"
_typed = re.compile(r"\{([a-z_]+):[a-z]+\}")
DESCRIPTION = """Muniment records the life of AI models in a ledger in which nothing can be changed or left out unnoticed.

Whatever this interface says can be verified: answers under `/v1/answers` and by name are files that `muniment verify` checks
without this server; lists and searches are conveniences, and prove nothing. Times are RFC 3339 in UTC with six digits of
fraction; hashes, keys and digests are lower hex; integers stay within 2^53. Errors are problem details (RFC 9457) with a stable
`code` and a `hint` that says what to do. Where an answer has an `ETag`, `If-None-Match` asks whether it is still the same.

Another ledger of the same server lies under `/l/NAME`, with the same paths."""
_SECURITY = "token"
_REFERENCE = "#/components/schemas/{name}"
_LOOSE = (Problem, Shown)
"""Structs with fields that hold any JSON, of which msgspec gives no schema."""
_INJECTED = frozenset({"request", "hosted", "caller", "settings", "data"})
_TAGS = MappingProxyType(
    {
        "entries": "Events in, and what is stored, byte for byte.",
        "proofs": "The ledger as of its newest block, and proofs in its tree and its state.",
        "answers": "Questions whose answers are files that anybody can verify.",
        "things": "Lists and searches: conveniences that prove nothing.",
        "evidence": "Files by their digests, and what opens sealed fields.",
        "server": "The server itself.",
    }
)
_TAG_OF = MappingProxyType(
    {
        **dict.fromkeys(("entries", "judgements", "headers", "heights", "ids"), "entries"),
        **dict.fromkeys(("view", "ledger", "proofs", "records"), "proofs"),
        **dict.fromkeys(
            ("answers", "bundles", "prove", "at", "history", "lineage", "impact", "blame", "diff", "claim", "gate"), "answers"
        ),
        **dict.fromkeys(("blobs", "manifests", "disclosures"), "evidence"),
        "openapi.json": "server",
    }
)
_PROBLEMS = MappingProxyType(
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
_EXAMPLES = MappingProxyType(
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
_ENVELOPE: Mapping[str, object] = MappingProxyType(
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


def describe(handlers: Sequence[HTTPRouteHandler], base: str = "") -> Json:
    """The whole document for these routes; `base` goes before every path."""
    schemas, components = _schemas(handlers)
    paths: dict[str, Json] = {}
    for handler in handlers:
        path = _typed.sub(r"{\1}", min(handler.paths))
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, method.lower(), handler, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Muniment", "version": __version__, "description": DESCRIPTION, "license": dict(_LICENCE)},
        "servers": [{"url": base or "/"}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "security": [{_SECURITY: []}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {**components, "Envelope": dict(_ENVELOPE)}, "securitySchemes": {_SECURITY: dict(_TOKEN)}},
    }


_LICENCE = MappingProxyType({"name": "Apache-2.0", "identifier": "Apache-2.0"})
_TOKEN = MappingProxyType(
    {"type": "http", "scheme": "bearer", "description": "An API key, `mun_<id>_<secret>`, or the token of a known OIDC provider."}
)


def _schemas(handlers: Iterable[HTTPRouteHandler]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The schema of each type that goes in or out, by its name, and the components that they refer to."""
    types = [*[_answer_of(handler) for handler in handlers], *BODIES.values()]
    unique = list({repr(each): each for each in types if _is_struct(each) and each not in _LOOSE}.values())
    found, components = msgspec.json.schema_components(unique, schema_hook=_anything, ref_template=_REFERENCE)
    components["Submission"]["properties"]["entries"]["items"] = {"$ref": "#/components/schemas/Envelope"}
    named = {repr(type_): schema for type_, schema in zip(unique, found, strict=True)}
    for each in _LOOSE:
        described, more = _describe_loosely(each)
        components = {**more, **components, each.__name__: described}
        named[repr(each)] = {"$ref": _REFERENCE.format(name=each.__name__)}
    return named, components


def _anything(type_: type) -> Json:
    """The schema of what may be any JSON."""
    if type_ is object:
        return {"description": "Any JSON."}
    raise NotImplementedError


def _describe_loosely(type_: type[msgspec.Struct]) -> tuple[Json, dict[str, Json]]:
    """The schema of a struct some of whose fields hold any JSON."""
    components: dict[str, Json] = {}
    properties: Json = {}
    for field in msgspec.structs.fields(type_):
        try:
            (properties[field.encode_name],), more = msgspec.json.schema_components([field.type], schema_hook=_anything, ref_template=_REFERENCE)
            components |= more
        except TypeError:
            properties[field.encode_name] = {}
    required = [field.encode_name for field in msgspec.structs.fields(type_) if field.required]
    described = " ".join((type_.__doc__ or "").split())
    return {"type": "object", "description": described, "properties": properties, "required": required}, components


def _answer_of(handler: HTTPRouteHandler) -> Any:
    """The type of what a route answers with."""
    returned = handler.parsed_fn_signature.return_type
    return handler.opt.get("answer", returned.annotation)


def _is_struct(type_: Any) -> bool:
    origin = get_origin(type_) or type_
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _operation(path: str, method: str, handler: HTTPRouteHandler, schemas: Mapping[str, Json]) -> Json:
    said = " ".join((inspect.unwrap(handler.fn).__doc__ or "").split())
    scope = str(handler.opt.get("scope", "admin"))
    operation: Json = {
        "operationId": handler.handler_name.rpartition(".")[2],
        "tags": [_TAG_OF.get(path.split("/")[2], "things")],
        "summary": re.split(r"[.:;](?: |$)", said)[0],
        "description": said if scope == guard.OPEN else f"{said} Needs the scope `{scope}`.",
        "parameters": list(_parameters(path, handler)),
        "responses": _responses(path, method, handler, scope, schemas),
    }
    if scope == guard.OPEN:
        operation["security"] = []
    body = BODIES.get((path, method))
    if body is bytes:
        operation["requestBody"] = {"required": True, "content": {answering.BYTES: {"schema": _schema_of(bytes, schemas)}}}
    elif body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _schema_of(body, schemas)}}}
    return operation


def _parameters(path: str, handler: HTTPRouteHandler) -> Iterator[Json]:
    for name, field in handler.parsed_fn_signature.parameters.items():
        if name in _INJECTED:
            continue
        rule = field.kwarg_definition
        told = rule if isinstance(rule, ParameterKwarg) else ParameterKwarg()
        called = told.query or name
        within = "path" if f"{{{called}}}" in path else "query"
        (schema,), _ = msgspec.json.schema_components([field.annotation], schema_hook=_anything, ref_template=_REFERENCE)
        found: Json = {
            "name": called,
            "in": within,
            "required": within == "path" or field.default is Empty,
            "schema": {**_strict(schema), **_limits(told)},
        }
        if told.description:
            found["description"] = told.description
        if within == "query" and found["schema"].get("type") == "array":
            found |= {"style": "form", "explode": True}
        elif called in _EXAMPLES:
            found["example"] = _EXAMPLES[called]
        yield found


def _strict(schema: Json) -> Json:
    """A parameter that may be left out is not null: there is no null in an address."""
    options = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    plain = options[0] if len(options) == 1 else schema
    if None in plain.get("enum", []):
        plain = {**plain, "enum": [each for each in plain["enum"] if each is not None]}
    return {name: value for name, value in plain.items() if name != "default"}


def _limits(told: ParameterKwarg) -> Json:
    limits = {
        "minimum": told.ge,
        "maximum": told.le,
        "pattern": told.pattern,
        "minLength": told.min_length,
        "maxLength": told.max_length,
        "maxItems": told.max_items,
    }
    return {name: value for name, value in limits.items() if value is not None}


def _responses(path: str, method: str, handler: HTTPRouteHandler, scope: str, schemas: Mapping[str, Json]) -> Json:
    status = str(handler.status_code)
    responses: Json = {status: {"description": handler.opt.get("said", "The answer.")}}
    if method != "head" and status != "204":
        media = handler.opt.get("media", JSON)
        responses[status]["content"] = {media: {"schema": _schema_of(_answer_of(handler), schemas)}}
    if handler.opt.get("tagged"):
        responses[status]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Changes with the answer."}}
        responses["304"] = {"description": "The asker has it already: `If-None-Match` named its `ETag`."}
    wanted = ["400", "404", "410", "429", "500", "503"]
    if scope != guard.OPEN:
        wanted += ["401", "403"]
    if (path, method) in BODIES:
        wanted += ["409", "413", "422"]
    elif _TAG_OF.get(path.split("/")[2]) == "answers":
        wanted += ["409", "422"]
    problem = {"$ref": "#/components/schemas/Problem"}
    for each in sorted(wanted):
        content = {} if method == "head" else {"content": {MEDIA_TYPE: {"schema": problem}}}
        responses[each] = {"description": _PROBLEMS[each], **content}
        if each in ("429", "503"):
            responses[each]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return responses


def _schema_of(type_: Any, schemas: Mapping[str, Json]) -> Json:
    if type_ is bytes:
        return {"type": "string", "format": "binary"}
    if type_ is str:
        return {"type": "string"}
    return schemas.get(repr(type_), {"type": "object"})


@get(PATH, opt={"scope": guard.OPEN}, sync_to_thread=True)
def read_openapi(request: Asked, settings: Settings) -> Response[bytes]:
    """This description."""
    found: bytes | None = request.app.state.get("openapi")
    if found is None:
        described = [each for each in API if isinstance(each, HTTPRouteHandler) and each.include_in_schema is not False]
        found = msgspec.json.encode(describe([*described, *DOCUMENTED, read_openapi], settings.url))
        request.app.state.openapi = found
    return Response(found, media_type=JSON, headers={"Cache-Control": "public, max-age=300"})


ROUTES = (read_openapi,)
