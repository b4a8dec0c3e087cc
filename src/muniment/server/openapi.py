"""The description of the API (OpenAPI 3.1), made from the routes and from the structs that they take and give.

    describe(routes)        # the whole document, as plain values

Parameters are read off the routes' own signatures; schemas are msgspec's, because it is msgspec that decodes and encodes; which
errors can come follows from what a route does. `/v1/openapi.json` serves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_origin

import msgspec
from litestar import Litestar, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Empty

from muniment._version import __version__
from muniment.client.showing import Shown
from muniment.server import glossary, guard
from muniment.server.api import BODIES, DOCUMENTED, answering
from muniment.server.api.answering import JSON, Asked
from muniment.server.problems import MEDIA_TYPE, Problem
from muniment.server.settings import Settings

Json = dict[str, Any]
Described = tuple[str, HTTPRouteHandler]
PREFIX = "/v1/"

PATH = "/v1/openapi.json"
_typed = re.compile(r"\{([a-z_]+):[a-z]+\}")
_SECURITY = "token"
_REFERENCE = "#/components/schemas/{name}"
_LOOSE = (Problem, Shown)
"""Structs with fields that hold any JSON, of which msgspec gives no schema."""
_INJECTED = frozenset({"request", "hosted", "caller", "settings", "state", "data"})


def describe(routes: Sequence[Described], base: str = "") -> Json:
    """The whole document for these routes, each with its path; `base` goes before every path."""
    schemas, components = _schemas([handler for _, handler in routes])
    paths: dict[str, Json] = {}
    for path, handler in routes:
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, method.lower(), handler, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Muniment",
            "version": __version__,
            "description": glossary.DESCRIPTION,
            "license": dict(glossary.LICENCE),
        },
        "servers": [{"url": base or "/"}],
        "tags": [{"name": name, "description": said} for name, said in glossary.TAGS.items()],
        "security": [{_SECURITY: []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**components, "Envelope": dict(glossary.ENVELOPE)},
            "securitySchemes": {_SECURITY: dict(glossary.TOKEN)},
        },
    }


def _schemas(handlers: Iterable[HTTPRouteHandler]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The schema of each type that goes in or out, by its name, and the components that they refer to."""
    types = [*[_answer_of(handler) for handler in handlers], *[_data_of(handler) for handler in handlers], *BODIES.values()]
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
            (properties[field.encode_name],), more = msgspec.json.schema_components(
                [field.type], schema_hook=_anything, ref_template=_REFERENCE
            )
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


def _data_of(handler: HTTPRouteHandler) -> Any:
    """The type of the body that the framework decodes for a route."""
    field = handler.parsed_fn_signature.parameters.get("data")
    return None if field is None else field.annotation


def _is_struct(type_: Any) -> bool:
    origin = get_origin(type_) or type_
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _operation(path: str, method: str, handler: HTTPRouteHandler, schemas: Mapping[str, Json]) -> Json:
    said = " ".join((_function(handler).__doc__ or "").split())
    scope = str(handler.opt.get("scope", "admin"))
    operation: Json = {
        "operationId": _function(handler).__name__,
        "tags": [glossary.TAG_OF.get(path.split("/")[2], "things")],
        "summary": re.split(r"[.:;](?: |$)", said)[0],
        "description": said if scope == guard.OPEN else f"{said} Needs the scope `{scope}`.",
        "parameters": list(_parameters(path, handler)),
        "responses": _responses(path, method, handler, schemas),
    }
    if scope == guard.OPEN:
        operation["security"] = []
    body = BODIES.get((path, method), _data_of(handler))
    if body is bytes:
        operation["requestBody"] = {"required": True, "content": {answering.BYTES: {"schema": _schema_of(bytes, schemas)}}}
    elif body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _schema_of(body, schemas)}}}
    return operation


def _function(handler: HTTPRouteHandler) -> Any:
    """The function of a route, out of what the framework puts around one that runs in a thread."""
    found: Any = handler.fn
    while hasattr(found, "func"):
        found = found.func
    return found


def _parameters(path: str, handler: HTTPRouteHandler) -> Iterator[Json]:
    for name, field in handler.parsed_fn_signature.parameters.items():
        if name in _INJECTED:
            continue
        rule = field.kwarg_definition
        told = rule if isinstance(rule, ParameterKwarg) else ParameterKwarg()
        called = told.name or name
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
        elif called in glossary.EXAMPLES:
            found["example"] = glossary.EXAMPLES[called]
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
    return {name: value for name, value in limits.items() if value is not None} | (told.schema_extra or {})


def _responses(path: str, method: str, handler: HTTPRouteHandler, schemas: Mapping[str, Json]) -> Json:
    status = str(handler.status_code)
    responses: Json = {status: {"description": handler.opt.get("said", "The answer.")}}
    if method != "head" and status != "204":
        media = handler.opt.get("media", JSON)
        responses[status]["content"] = {media: {"schema": _schema_of(_answer_of(handler), schemas)}}
    if handler.opt.get("tagged"):
        responses[status]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Changes with the answer."}}
        responses["304"] = {"description": "The asker has it already: `If-None-Match` named its `ETag`."}
    # 401 and 403 also where nothing is needed: what is presented and wrong is never taken for nobody.
    wanted = ["400", "401", "403", "404", "410", "429", "500", "503"]
    if (path, method) in BODIES or _data_of(handler) is not None:
        wanted += ["409", "413", "422"]
    elif glossary.TAG_OF.get(path.split("/")[2]) == "answers":
        wanted += ["409", "422"]
    problem = {"$ref": "#/components/schemas/Problem"}
    for each in sorted(wanted):
        content = {} if method == "head" else {"content": {MEDIA_TYPE: {"schema": problem}}}
        responses[each] = {"description": glossary.PROBLEMS[each], **content}
        if each in ("429", "503"):
            responses[each]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return responses


def _schema_of(type_: Any, schemas: Mapping[str, Json]) -> Json:
    if type_ is bytes:
        return {"type": "string", "format": "binary"}
    if type_ is str:
        return {"type": "string"}
    return schemas.get(repr(type_), {"type": "object"})


@get(
    "/v1/stream",
    opt=answering.told(str, "An endless stream of server-sent events.", media="text/event-stream"),
    sync_to_thread=False,
)
def follow() -> str:
    """Blocks as they are sealed, as server-sent events: `id` is the size, `data` a block with its events.

    `Last-Event-ID` resumes after that size; where that is too long ago, an event `reset` says so.
    """
    return ""


@get(PATH, opt=answering.told(dict, "An OpenAPI document.", scope=guard.OPEN), sync_to_thread=True)
def read_openapi(request: Asked, settings: NamedDependency[Settings]) -> Response[bytes]:
    """This description."""
    found: bytes | None = request.app.state.get("openapi")
    if found is None:
        described = [*_routes_of(request.app), *[(_path_of(each), each) for each in (*DOCUMENTED, follow)]]
        found = msgspec.json.encode(describe(described, settings.url))
        request.app.state.openapi = found
    return Response(found, media_type=JSON, headers={"Cache-Control": "public, max-age=300"})


def _routes_of(app: Litestar) -> Iterator[Described]:
    """What is to be described of an application: its routes under /v1, other than the answers to OPTIONS."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith(PREFIX) and handler.include_in_schema is not False and handler.http_methods != {"OPTIONS"}:
                yield _typed.sub(r"{\1}", route.path), handler


def _path_of(handler: HTTPRouteHandler) -> str:
    return _typed.sub(r"{\1}", min(handler.paths))


ROUTES = (read_openapi,)
