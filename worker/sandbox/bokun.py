"""Bokun REST v1: signed calls, search, bookings by id or code, price lists."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.sandbox.answers import JSON, Limit, answer, body_of, refused
from worker.sandbox.exact import Json, copy
from worker.sandbox.search import search
from worker.sandbox.world import Account, World

SKEW = timedelta(minutes=15)  # the true tolerance is not documented (reference, bokun.md 1.2)


def sign(secret_key: str, *, date: str, access_key: str, method: str, target: str) -> str:
    """Gives Bokun's signature: Base64 of HMAC-SHA1 over date, access key, method and path with query."""
    message = f"{date}{access_key}{method}{target}".encode()
    return base64.b64encode(hmac.digest(secret_key.encode(), message, hashlib.sha1)).decode()


class Bokun:
    """The endpoints of Bokun that the product calls, over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.limits: dict[str, Limit] = {}

    def routes(self) -> list[Route]:
        """Gives the routes that this remote answers."""
        return [
            Route("/booking.json/booking-search", self.search, methods=["POST"]),
            Route("/booking.json/booking/{booking}", self.booking, methods=["GET"]),
            Route("/activity.json/active-ids", self.active_ids, methods=["GET"]),
            Route("/activity.json/{product:int}/price-list", self.price_list, methods=["GET"]),
        ]

    async def search(self, request: Request) -> Response:
        """Answers one page of the bookings that an account sees."""
        account = self._account(request)
        if isinstance(account, Response):
            return account
        query = await body_of(request)
        try:
            found = None if query is None else search(self.world.index(account.access_key), query)
        except ValueError:
            found = None
        if found is None:
            return refused(400, {"message": "Could not parse the request body.", "fields": {}})
        return Response(found, media_type=JSON)

    async def booking(self, request: Request) -> Response:
        """Answers one booking by its id or confirmation code."""
        account = self._account(request)
        if isinstance(account, Response):
            return account
        wanted = request.path_params["booking"]
        with self.world.lock:
            stored = self.world.find(account.access_key, wanted)
        if stored is None:
            return refused(404, {"message": f"Booking {wanted} not found.", "fields": {}})
        return Response(stored.text, media_type=JSON)

    async def active_ids(self, request: Request) -> Response:
        """Answers the ids of the products that have a price list."""
        account = self._account(request)
        return account if isinstance(account, Response) else answer(sorted(self.world.products))

    async def price_list(self, request: Request) -> Response:
        """Answers the prices of one product, relabelled in the currency that is asked for."""
        account = self._account(request)
        if isinstance(account, Response):
            return account
        found = self.world.products.get(request.path_params["product"])
        if found is None:
            return refused(404, {"message": "Activity not found.", "fields": {}})
        return answer(_in_currency(copy(found), request.query_params.get("currency")))

    def _account(self, request: Request) -> Account | Response:
        """Finds who signed the call; a wrong key or signature is a redirect to the login page, never a 401."""
        account = self.world.accounts.get(request.headers.get("x-bokun-accesskey", ""))
        if account is None or not self._signed(request, account):
            return RedirectResponse("/extranet/login", status_code=303)
        limit = self.limits.setdefault(account.access_key, Limit(timedelta(minutes=1)))
        wait = limit.take(self.world.clock(), self.world.knobs.bokun_calls_per_minute)
        if wait:
            return refused(429, {"message": "Too many requests.", "fields": {}}, {"retry-after": str(wait)})
        return account

    def _signed(self, request: Request, account: Account) -> bool:
        date = request.headers.get("x-bokun-date", "")
        target = request.scope["raw_path"].decode("ascii")
        if query := request.scope["query_string"].decode("ascii"):
            target = f"{target}?{query}"
        expected = sign(
            account.secret_key, date=date, access_key=account.access_key, method=request.method, target=target
        )
        given = request.headers.get("x-bokun-signature", "")
        return hmac.compare_digest(expected.encode(), given.encode()) and self._fresh(date)

    def _fresh(self, date: str) -> bool:
        try:
            signed = datetime.strptime(date, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return False
        return abs(self.world.clock() - signed) <= SKEW


def _in_currency(prices: Json, currency: str | None) -> Json:
    """Relabels every amount, tiers and extras too; rates of exchange are not played."""
    if currency:
        _relabel(prices, currency)
    return prices


def _relabel(part: object, currency: str) -> None:
    if isinstance(part, dict):
        if "amount" in part:
            part["currency"] = currency
        for each in part.values():
            _relabel(each, currency)
    elif isinstance(part, list):
        for each in part:
            _relabel(each, currency)
