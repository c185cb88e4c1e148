"""What Space Invoices does with a booking that it is told of: keep an order, issue, correct or cancel a document."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from worker.sandbox.collection import stamp
from worker.sandbox.exact import Json, copy
from worker.sandbox.reading import Reading, amount, read
from worker.sandbox.world import World


def decide(connection: Json, facts: Reading) -> str | None:
    """Chooses the document by the connection's flags: the two sentences of the seed and the vendor's plugins."""
    if not connection.get("active") or facts.status != "confirmed":
        return None
    bank = facts.bank and not connection.get("issueInvoiceForBankPayment")
    if connection.get("issueInvoiceOnComplete"):
        if facts.complete:
            return "invoice"
        return "estimate" if bank and not facts.paid else None
    return "estimate" if bank and not (facts.paid or facts.complete) else "invoice"


def receive(world: World, connection: Json, body: Json) -> None:
    """Takes the body of one POST /Bokun/:id/order; the same body twice is two documents."""
    mark = (body.get("custom") or {}).get("bokunSync") or {}
    facts = read(body, world.clock(), world.knobs.bank_payment_types)
    order = _order(world, connection, body, facts)
    moment = mark.get("moment")
    if moment == "cancelled" or facts.status == "cancelled":
        _cancel(world, order)
    elif moment == "changed":
        _correct(world, order, body, mark)
    elif kind := decide(connection, facts):
        _issue(world, order, body, kind)


def shown_orders(world: World, rows: Iterable[Json]) -> list[Json]:
    """Gives the orders as the list shows them by now: some late, some still without their document."""
    now = world.clock()
    latest = stamp(now - timedelta(seconds=world.knobs.order_lag))
    ready = stamp(now - timedelta(seconds=world.knobs.document_lag))
    return [_shown(world, row, ready) for row in rows if row["createdAt"] <= latest]


def _shown(world: World, order: Json, ready: str) -> Json:
    hidden = {
        name: None
        for name in ("invoiceId", "estimateId")
        if order[name] and world.documents.get(order[name])["issuedAt"] > ready
    }
    return {**order, **hidden}


def _order(world: World, connection: Json, body: Json, facts: Reading) -> Json:
    booking = str(body.get("bookingId"))
    scope = {"bokunId": connection["id"], "orderId": booking}
    order = next(iter(world.orders.scoped(scope)), None) or world.orders.create(
        {
            **scope,
            "organizationId": connection["organizationId"],
            "payloads": [],
            "invoiceId": None,
            "estimateId": None,
        }
    )
    order["payloads"].append(copy(body))
    return world.orders.patch(order["id"], _facts(order, world, body, facts))


def _facts(order: Json, world: World, body: Json, facts: Reading) -> Json:
    now = stamp(world.clock())
    flags = {"paid": facts.paid, "complete": facts.complete, "cancelled": facts.status == "cancelled"}
    times = {"paid": "paidAt", "complete": "completedAt", "cancelled": "cancelledAt"}
    since = {times[name]: (order.get(times[name]) or now) if flag else None for name, flag in flags.items()}
    total, currency = _amount(body)
    return {
        "status": facts.status,
        "date": order.get("date") or now,
        "number": body.get("confirmationCode"),
        "paymentType": body.get("paymentType"),
        "locale": body.get("locale"),
        "currencyId": currency,
        "expectedTotalWithTax": total,
        **flags,
        **since,
    }


def _amount(body: Json) -> tuple[Decimal | None, str | None]:
    told = ((body.get("custom") or {}).get("bokunSync") or {}).get("order")
    if told:
        return Decimal(str(told["total"])), told["currency"]
    return amount(body)


def _standing(world: World, order: Json) -> list[Json]:
    found = world.documents.scoped({"orderId": order["id"]})
    return [document for document in found if not document["cancelled"]]


def _issue(world: World, order: Json, body: Json, kind: str) -> None:
    same = [document for document in _standing(world, order) if document["type"] == kind]
    if same and world.knobs.dedupe:
        _correct(world, order, body, {})
        return
    total, currency = _amount(body)
    mail = body.get("sendInvoiceAutomatically" if kind == "invoice" else "sendEstimateAutomatically")
    document = world.documents.create(
        {
            "type": kind,
            "orderId": order["id"],
            "bookingId": body.get("bookingId"),
            "connection": order["bokunId"],
            "organization": order["organizationId"],
            "organizationId": order["organizationId"],
            "number": _number(world, order["organizationId"], kind),
            "total": total,
            "currency": currency,
            "issuedAt": stamp(world.clock()),
            "cancelled": False,
            "corrections": [],
            "mailed": bool(mail),
        }
    )
    order[f"{kind}Id"] = document["id"]


def _number(world: World, organization: str, kind: str) -> str:
    """Gives the next number in the year; numbers of one type have no gap (docs/Document)."""
    issued = world.documents.scoped({"organizationId": organization, "type": kind})
    return f"{world.clock():%Y}-{len(issued) + 1:06d}"


def _correct(world: World, order: Json, body: Json, mark: Json) -> None:
    total, currency = _amount(body)
    correction = {"at": stamp(world.clock()), "total": total, "currency": currency, "revision": mark.get("revision")}
    for document in _standing(world, order)[-1:]:
        document["corrections"].append(correction)


def _cancel(world: World, order: Json) -> None:
    order.update(cancelled=True, cancelledAt=order.get("cancelledAt") or stamp(world.clock()))
    for document in _standing(world, order):
        document["cancelled"] = True
