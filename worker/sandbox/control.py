"""The sandbox's own pages under /_sandbox/: the same hands as the class, over HTTP."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.sandbox.answers import answer, body_of, refused
from worker.sandbox.bookings import from_wish
from worker.sandbox.exact import Json

if TYPE_CHECKING:
    from worker.sandbox.sandbox import Sandbox

Action = Callable[[Request, Json], object]


class Control:
    """Faults, state, bookings, connections, webhooks and expectations of one sandbox."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    def routes(self) -> list[Route]:
        """Gives the routes, the first of which lists them."""
        return [Route("/_sandbox/", self._index, methods=["GET"]), *(self._route(*row) for row in self._table())]

    def _table(self) -> list[tuple[str, str, Action, str]]:
        sandbox = self.sandbox
        return [
            ("GET", "/faults", lambda *_: self._faults(), "the faults that wait and those that have fired"),
            ("POST", "/faults", self._arm, "arms a fault: kind, remote, method, path, booking, times, after_effect, …"),
            ("DELETE", "/faults", lambda *_: sandbox.faults.clear(), "disarms all faults"),
            ("GET", "/state", lambda *_: self._state(), "connections, orders, documents, count of calls"),
            ("GET", "/keys", lambda *_: self._keys(), "the Bokun keys of each connection, as CSV"),
            ("GET", "/requests", lambda *_: _plain(sandbox.requests), "every call that was seen"),
            ("GET", "/expectations", lambda *_: sandbox.expectations, "what the scenario expects of each booking"),
            ("POST", "/bookings", self._book, "adds a booking: Bokun's JSON, or kind, booking_id and knobs"),
            ("PATCH", "/bookings/{id:int}", self._change, "cancel, status, pay, reprice, complete or fields"),
            ("POST", "/connections", self._connect, "creates a connection: name, organization, account, flags"),
            ("PATCH", "/connections/{id}", self._flags, "changes a connection's flags"),
            ("POST", "/webhooks", self._webhooks, "where webhooks go: url, secret, kind, mode, encoding, api_key"),
            ("PATCH", "/knobs", self._turn, "turns a knob: order_lag, document_lag, search_lag, dedupe, …"),
        ]

    def _route(self, method: str, path: str, action: Action, _: str) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await body_of(request)
            if body is None:
                return refused(400, {"message": "not a JSON object"})
            try:
                done = action(request, body)
                return done if isinstance(done, Response) else answer(done)
            except (KeyError, TypeError, ValueError) as error:
                return refused(400, {"message": f"{type(error).__name__}: {error}"})

        return Route(f"/_sandbox{path}", endpoint, methods=[method])

    async def _index(self, _: Request) -> Response:
        return answer({f"{method} /_sandbox{path}": does for method, path, _, does in self._table()})

    def _faults(self) -> Json:
        return {"armed": self.sandbox.faults.armed(), "fired": _plain(self.sandbox.faults.fired)}

    def _arm(self, _: Request, body: Json) -> Json:
        self.sandbox.faults.add(**body)
        return self._faults()

    def _state(self) -> Json:
        return {
            **self.sandbox.describe(),
            "orders": self.sandbox.orders,
            "documents": self.sandbox.documents,
            "imports": self.sandbox.imports,
            "requests": len(self.sandbox.requests),
        }

    def _keys(self) -> Response:
        rows = [f"{row['id']},{row['access_key']},{row['secret_key']}\n" for row in self.sandbox.connections]
        return Response("".join(rows), media_type="text/csv")

    def _book(self, _: Request, body: Json) -> Json:
        account = body.pop("account", None)
        booking = from_wish(body, self.sandbox.world.clock()) if "kind" in body else body
        return {"booking": self.sandbox.book(booking, account)}

    def _change(self, request: Request, body: Json) -> Json:
        return self.sandbox.change(request.path_params["id"], body.pop("account", None), **body)

    def _connect(self, _: Request, body: Json) -> Json:
        return self.sandbox.connect(**body)

    def _flags(self, request: Request, body: Json) -> Json:
        return self.sandbox.flags(request.path_params["id"], **body)

    def _webhooks(self, _: Request, body: Json) -> Json:
        self.sandbox.webhooks.configure(**body)
        return {"configured": True}

    def _turn(self, _: Request, body: Json) -> Json:
        for name, value in body.items():
            if not hasattr(self.sandbox.knobs, name):
                raise KeyError(name)
            setattr(self.sandbox.knobs, name, value)
        return {"turned": sorted(body)}


def _plain(records: list[Json]) -> list[Json]:
    return [record | {"at": record["at"].isoformat()} for record in records]
