"""`/v1/webhooks`: for administrators."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody, Parameter

from muniment.core.format.encoding import MAX_INTEGER
from muniment.errors import InvalidInput
from muniment.server import methods
from muniment.server.hosting import Hosted
from muniment.server.listing import Listed
from muniment.server.settings import Settings
from muniment.server.webhooks import orders
from muniment.server.webhooks.delivery import Postman
from muniment.server.webhooks.hook import Delivery, Hook
from muniment.server.webhooks.orders import Created, Repetition, Rotated, Wish
from muniment.server.webhooks.outbox import Outbox

HookId = Annotated[str, Parameter(pattern=r"^[0-9a-f]{16}$", description="The id of a webhook.")]
Cursor = Annotated[str | None, Parameter(pattern=r"^[0-9]{1,18}$", description="`next` of the answer before.")]
Limit = Annotated[int, Parameter(ge=1, le=1_000)]


@post("/v1/webhooks", opt={"scope": "admin"}, tags=["webhooks"], sync_to_thread=True)
def create_webhook(
    state: State, hosted: NamedDependency[Hosted], settings: NamedDependency[Settings], data: JSONBody[Wish]
) -> Created:
    """Have events delivered to another service. The secret is shown this once."""
    made = orders.create(settings, hosted, _outbox(state), data)
    _nudge(state)
    return made


@get("/v1/webhooks", opt={"scope": "admin"}, tags=["webhooks"], sync_to_thread=True)
def list_webhooks(state: State, hosted: NamedDependency[Hosted]) -> Listed[Hook]:
    """All webhooks of the ledger, the oldest first, and how they stand."""
    with hosted.reader.view() as view:
        size = view.size
    return Listed(items=tuple(_outbox(state).hooks(hosted.name)), size=size)


@get("/v1/webhooks/{webhook:str}", opt={"scope": "admin"}, tags=["webhooks"], sync_to_thread=True)
def read_webhook(state: State, hosted: NamedDependency[Hosted], webhook: HookId) -> Hook:
    """One webhook, and how it stands."""
    return _outbox(state).find(hosted.name, webhook).hook


@delete("/v1/webhooks/{webhook:str}", opt={"scope": "admin"}, tags=["webhooks"], sync_to_thread=True)
def delete_webhook(state: State, hosted: NamedDependency[Hosted], webhook: HookId) -> None:
    """Deliver no more, and forget the webhook with its deliveries."""
    _outbox(state).delete(hosted.name, webhook)


@post("/v1/webhooks/{webhook:str}/secret", opt={"scope": "admin"}, tags=["webhooks"], status_code=200, sync_to_thread=True)
def rotate_secret(state: State, hosted: NamedDependency[Hosted], webhook: HookId) -> Rotated:
    """Make a new secret. For a day every delivery is signed with the one before as well."""
    return orders.rotate(hosted, _outbox(state), webhook)


@post("/v1/webhooks/{webhook:str}/ping", opt={"scope": "admin"}, tags=["webhooks"], status_code=200, sync_to_thread=True)
def ping_webhook(state: State, hosted: NamedDependency[Hosted], settings: NamedDependency[Settings], webhook: HookId) -> Delivery:
    """Deliver a message `webhook.ping` now, and say what became of it."""
    return orders.ping(settings, hosted, _outbox(state), webhook)


@post("/v1/webhooks/{webhook:str}/enable", opt={"scope": "admin"}, tags=["webhooks"], status_code=200, sync_to_thread=True)
def enable_webhook(state: State, hosted: NamedDependency[Hosted], webhook: HookId) -> Hook:
    """Try again at once, also where it was disabled; what came meanwhile is delivered."""
    found = orders.rewind(hosted, _outbox(state), webhook)
    _nudge(state)
    return found


@get("/v1/webhooks/{webhook:str}/deliveries", opt={"scope": "admin"}, tags=["webhooks"], sync_to_thread=True)
def list_deliveries(
    state: State, hosted: NamedDependency[Hosted], webhook: HookId, cursor: Cursor = None, limit: Limit = 50
) -> Listed[Delivery]:
    """The last attempts, the newest first, at most a thousand of each webhook."""
    found = _outbox(state).deliveries(hosted.name, webhook, int(cursor) if cursor else None, limit)
    with hosted.reader.view() as view:
        size = view.size
    return Listed(items=tuple(found), size=size, next=str(found[-1].number) if len(found) == limit else None)


@post("/v1/webhooks/{webhook:str}/replay", opt={"scope": "admin"}, tags=["webhooks"], status_code=200, sync_to_thread=True)
def replay(
    state: State, hosted: NamedDependency[Hosted], settings: NamedDependency[Settings], webhook: HookId, data: JSONBody[Repetition]
) -> Delivery | Hook:
    """Deliver the event at `index` again now, or everything since the size `since` in order; ids stay as they were."""
    if (data.index is None) == (data.since is None):
        raise InvalidInput("say `index` or `since`, and not both", code="bad-replay", hint='Send {"index": 12} or {"since": 10}.')
    if data.index is not None:
        return orders.repeat(settings, hosted, _outbox(state), webhook, _check_number(data.index))
    found = orders.rewind(hosted, _outbox(state), webhook, data.since)
    _nudge(state)
    return found


def _outbox(state: State) -> Outbox:
    found: Outbox = state.outbox
    return found


def _nudge(state: State) -> None:
    postman: Postman | None = state.postman
    if postman is not None:
        postman.nudge()


def _check_number(index: int) -> int:
    if not 0 <= index <= MAX_INTEGER:
        raise InvalidInput("`index` is no entry", code="bad-index", hint="Give the index of an event.")
    return index


ROUTES = (
    methods.allow("/v1/webhooks", "GET", "POST"),
    methods.allow("/v1/webhooks/{webhook:str}", "DELETE", "GET"),
    create_webhook,
    list_webhooks,
    read_webhook,
    delete_webhook,
    rotate_secret,
    ping_webhook,
    enable_webhook,
    list_deliveries,
    replay,
)
