"""Listings of things: rows of the read model, method by method as `index.rows.Query` has them. Nothing here is proved."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, Parameter, QueryParameter

from muniment.errors import InvalidInput, NotFound
from muniment.index.rows import (
    ActorRow,
    ApprovalRow,
    DataRow,
    DatasetRow,
    DeploymentRow,
    EvaluationRow,
    KeyRow,
    ModelRow,
    PlanRow,
    Thing,
    ThingKind,
    VersionRow,
)
from muniment.net import wire
from muniment.server.api import answering
from muniment.server.api.answering import Asked
from muniment.server.api.parameters import MAX_NAME, MAX_THING, NAME, SEGMENT, Digest, Environment
from muniment.server.hosting import Hosted
from muniment.server.listing import Listed

Text = Annotated[str, Parameter(min_length=1, max_length=MAX_THING, description="What somebody typed.")]
Kinds = Annotated[list[ThingKind] | None, QueryParameter(name="kind", description="Look among these kinds only.")]
Name = Annotated[str, Parameter(pattern=NAME, max_length=MAX_NAME)]
Kind = Annotated[str | None, Parameter(max_length=MAX_NAME, description="Only actors of this kind, such as `person`.")]
Owner = Annotated[str | None, Parameter(pattern=SEGMENT, max_length=MAX_NAME, description="Only the keys of this actor.")]

_name = re.compile(NAME)


def _list(path: str, listed: type[Listed[Any]]) -> get:
    """The decorator of a route that lists rows of one kind."""
    opt = answering.told(listed, "All of them, as of `size` entries.", tagged=True)
    return get(path, opt=opt, sync_to_thread=True)


@get(
    "/v1/search",
    opt=answering.told(Thing, "The one thing that the text stands for.", tagged=True),
    sync_to_thread=True,
)
def search(request: Asked, hosted: NamedDependency[Hosted], q: Text, kinds: Kinds = None) -> Response[bytes]:
    """What a text stands for: a name, `name@3`, `environment/name`, a digest or its beginning, an entry, an event id."""
    return answering.answer(request, hosted, lambda: hosted.reader.resolve(q, kinds))


@get(
    "/v1/names/{digest:str}",
    opt=answering.told(wire.Name, "Its name, or null.", tagged=True),
    sync_to_thread=True,
)
def read_name(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> Response[bytes]:
    """What the digest of a version of a model or data set is called: `credit-risk@3`."""
    return answering.answer(request, hosted, lambda: wire.Name(name=hosted.reader.index.name_of(digest)))


@_list("/v1/models", Listed[ModelRow])
def list_models(request: Asked, hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """All models by name."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.models()))


@_list("/v1/models/{model:str}/versions", Listed[VersionRow])
def list_versions(request: Asked, hosted: NamedDependency[Hosted], model: Name) -> Response[bytes]:
    """The versions of a model, the first one first."""
    return _versions(request, hosted, model)


@_list("/v1/models/{model:str}/plans", Listed[PlanRow])
def list_plans(request: Asked, hosted: NamedDependency[Hosted], model: Name) -> Response[bytes]:
    """The evaluation plans of a model, the first one first."""
    return _plans(request, hosted, model)


@_list("/v1/datasets", Listed[DatasetRow])
def list_datasets(request: Asked, hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """All data sets by name."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.datasets()))


@_list("/v1/datasets/{name:str}/versions", Listed[DataRow])
def list_data(request: Asked, hosted: NamedDependency[Hosted], name: Name) -> Response[bytes]:
    """The versions of a data set, the first one first."""
    return _data(request, hosted, name)


@_list("/v1/versions/{digest:str}/approvals", Listed[ApprovalRow])
def list_approvals(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> Response[bytes]:
    """The decisions about a version, the first one first."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.approvals(digest)))


@_list("/v1/versions/{digest:str}/evaluations", Listed[EvaluationRow])
def list_evaluations(request: Asked, hosted: NamedDependency[Hosted], digest: Digest) -> Response[bytes]:
    """The measurements of a version, the first one first."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.evaluations(digest)))


@_list("/v1/deployments", Listed[DeploymentRow])
def list_deployments(request: Asked, hosted: NamedDependency[Hosted], environment: Environment = None) -> Response[bytes]:
    """What serves where, stopped deployments included, by environment and name."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.deployments(environment)))


@_list("/v1/actors", Listed[ActorRow])
def list_actors(request: Asked, hosted: NamedDependency[Hosted], kind: Kind = None) -> Response[bytes]:
    """All actors, or those of a kind, by id."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.actors(kind)))


@_list("/v1/keys", Listed[KeyRow])
def list_keys(request: Asked, hosted: NamedDependency[Hosted], actor: Owner = None) -> Response[bytes]:
    """All keys, or those of an actor, in order of their enrolment."""
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.keys_of(actor)))


@get("/v1/models/{rest:path}", opt={"scope": "read", "tagged": True}, sync_to_thread=True, include_in_schema=False)
def list_of_model(request: Asked, hosted: NamedDependency[Hosted], rest: FromPath[str]) -> Response[bytes]:
    """The versions or plans of a model: its name may hold slashes, which a server sees whether they are escaped or not."""
    name, part = _split(rest)
    if part == "versions":
        return _versions(request, hosted, name)
    if part == "plans":
        return _plans(request, hosted, name)
    raise _no_such_page(rest)


@get("/v1/datasets/{rest:path}", opt={"scope": "read", "tagged": True}, sync_to_thread=True, include_in_schema=False)
def list_of_dataset(request: Asked, hosted: NamedDependency[Hosted], rest: FromPath[str]) -> Response[bytes]:
    """The versions of a data set, whose name may hold slashes."""
    name, part = _split(rest)
    if part == "versions":
        return _data(request, hosted, name)
    raise _no_such_page(rest)


def _versions(request: Asked, hosted: Hosted, model: str) -> Response[bytes]:
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.versions(model)))


def _plans(request: Asked, hosted: Hosted, model: str) -> Response[bytes]:
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.plans(model)))


def _data(request: Asked, hosted: Hosted, name: str) -> Response[bytes]:
    return answering.answer(request, hosted, lambda: answering.listing(hosted, lambda index: index.data(name)))


def _split(rest: str) -> tuple[str, str]:
    """The name and the last part of a path. Raises InvalidInput (`bad-name`)."""
    name, _, part = rest.removeprefix("/").rpartition("/")
    if len(name) > MAX_NAME or _name.fullmatch(name) is None:
        raise InvalidInput(f"{name[:MAX_NAME]!r} cannot name a model or data set", code="bad-name", hint="Compare the spelling.")
    return name, part


def _no_such_page(rest: str) -> NotFound:
    return NotFound(f"there is no {rest[:MAX_THING]!r} here", code="no-such-page", hint="/v1/openapi.json describes what there is.")


DOCUMENTED = (list_versions, list_plans, list_data)
"""What `list_of_model` and `list_of_dataset` answer, as it is described."""

ROUTES = (
    search,
    read_name,
    list_models,
    list_of_model,
    list_datasets,
    list_of_dataset,
    list_approvals,
    list_evaluations,
    list_deployments,
    list_actors,
    list_keys,
)
