"""Space Invoices v1: the 18 endpoints of the seeds, orders and documents, as LoopBack 3 answers them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.sandbox.answers import Limit, answer, body_of, refused
from worker.sandbox.collection import Collection, RefusalError, stamp
from worker.sandbox.documents import receive, shown
from worker.sandbox.exact import Json
from worker.sandbox.where import BadFilterError, Filter, where
from worker.sandbox.world import World

Handler = Callable[[Request, Json], Response]

_LOGIN = RefusalError(401, "Authorization Required", code="AUTHORIZATION_REQUIRED")
_MANY = RefusalError(429, "Too Many Requests", name="TooManyRequests", code="TOO_MANY_REQUESTS")


class SpaceInvoices:
    """The endpoints of Space Invoices that the product calls, over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.limit = Limit(timedelta(seconds=1))

    def routes(self) -> list[Route]:
        """Gives the routes that this remote answers, in the words of its documentation."""
        world = self.world
        return [
            *self._list("/Organizations/{id}/bokun", world.connections, "organizationId", creates=True),
            *self._one("/Bokun/{id}", world.connections, "PATCH", "DELETE"),
            self._route("POST", "/Bokun/{id}/order", self._order),
            self._route("POST", "/Bokun/{id}/import", self._import),
            *self._list("/Organizations/{id}/priceLists", world.price_lists, "organizationId", creates=True),
            *self._one("/PriceLists/{id}", world.price_lists, "GET", "PATCH", "DELETE"),
            *self._list("/PriceLists/{id}/prices", world.prices, "priceListId", creates=True),
            *self._one("/Prices/{id}", world.prices, "PATCH", "DELETE"),
            *self._list("/Organizations/{id}/orders", world.orders, "organizationId"),
            *self._one("/Orders/{id}", world.orders, "GET"),
            *self._list("/Organizations/{id}/documents", world.documents, "organizationId"),
        ]

    def _list(self, path: str, rows: Collection, owner: str, *, creates: bool = False) -> list[Route]:
        found = [
            self._route("GET", path, partial(self._find, rows, owner)),
            self._route("GET", f"{path}/count", partial(self._count, rows, owner)),
        ]
        return [*found, self._route("POST", path, partial(self._create, rows, owner))] if creates else found

    def _one(self, path: str, rows: Collection, *methods: str) -> list[Route]:
        handlers: dict[str, Handler] = {
            "GET": partial(self._get, rows),
            "PATCH": lambda request, body: answer(rows.patch(request.path_params["id"], body)),
            "DELETE": lambda request, _: answer(rows.delete(request.path_params["id"])),
        }
        return [self._route(method, path, handlers[method]) for method in methods]

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        return Route(f"/v1{path}", self._guarded(handler), methods=[method])

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await body_of(request)
            try:
                with self.world.lock:
                    self._admit(request)
                    return handler(request, _object(body))
            except RefusalError as refusal:
                headers = {"retry-after": "1"} if refusal.status == 429 else None
                return refused(refusal.status, {"error": refusal.error}, headers)
            except BadFilterError as error:
                return refused(400, {"error": {"statusCode": 400, "name": "Error", "message": str(error)}})

        return endpoint

    def _admit(self, request: Request) -> None:
        """Lets in the bare token, in the header or the query; a scheme word before it makes it another token."""
        given = request.headers.get("authorization") or request.query_params.get("access_token")
        if given != self.world.token:
            raise _LOGIN
        if self.limit.take(self.world.clock(), self.world.knobs.space_invoices_calls_per_second):
            raise _MANY

    def _scope(self, owner: str, request: Request) -> dict[str, object]:
        parent = request.path_params["id"]
        if owner == "priceListId":
            self.world.price_lists.get(parent)
        elif parent not in self.world.organizations:
            raise RefusalError(404, f'Unknown "Organization" id "{parent}".', code="MODEL_NOT_FOUND")
        return {owner: parent}

    def _find(self, rows: Collection, owner: str, request: Request, _: Json) -> Response:
        scope = self._scope(owner, request)
        asked = Filter.read(request.query_params.get("filter"))
        page, total = asked.page(shown(self.world, rows, scope))
        return answer(page, {"x-total-count": str(total)})

    def _count(self, rows: Collection, owner: str, request: Request, _: Json) -> Response:
        scope = self._scope(owner, request)
        clause = where(request.query_params.get("where"))
        return answer({"count": Filter(clause).page(shown(self.world, rows, scope))[1]})

    def _create(self, rows: Collection, owner: str, request: Request, body: Json) -> Response:
        place = self._scope(owner, request)
        if (
            owner == "priceListId"
        ):  # a price names the organization of its list (seeds/price-list.txt, the Price object)
            place["organizationId"] = self.world.price_lists.get(request.path_params["id"])["organizationId"]
        return answer(rows.create({**body, **place}))

    def _get(self, rows: Collection, request: Request, _: Json) -> Response:
        row = rows.get(request.path_params["id"])
        asked = Filter.read(request.query_params.get("filter"))
        page, total = Filter({}, fields=asked.fields).page(shown(self.world, rows, {"id": row["id"]}))
        if not total:
            raise rows.unknown(row["id"])
        return answer(page[0])

    def _order(self, request: Request, body: Json) -> Response:
        connection = self.world.connections.get(request.path_params["id"])
        self.world.connections.check(body)
        receive(self.world, connection, body)
        return answer({})

    def _import(self, request: Request, body: Json) -> Response:
        connection = self.world.connections.get(request.path_params["id"])
        Collection("Import", self.world.clock, ids=iter(()), required=("type",)).check(body)
        told = {"type": body["type"], "importOptions": body.get("importOptions")}
        self.world.imports.append({"at": stamp(self.world.clock()), "connection": connection["id"], **told})
        return answer({})


def _object(body: Json | None) -> Json:
    if body is None:
        raise RefusalError(400, "Unexpected token in JSON", name="SyntaxError", code="INVALID_BODY")
    return body
