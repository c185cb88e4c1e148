"""What Space Invoices does with a booking that it is told of: keep an order, issue, correct or cancel a document."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from worker.sandbox.collection import Collection, stamp
from worker.sandbox.exact import Json
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


def shown(world: World, rows: Collection, scope: Mapping[str, object]) -> list[Json]:
    """Gives the records of a scope as the lists show them by now: some late, some orders without their document."""
    found = rows.scoped(scope)
    ready = _ago(world, world.knobs.document_lag)
    if rows is world.orders:
        latest = _ago(world, world.knobs.order_lag)
        return [_dressed(world, row, ready) for row in found if row["createdAt"] <= latest]
    if rows is world.documents:
        return [row for row in found if row["issuedAt"] <= ready]
    return found


def _dressed(world: World, order: Json, ready: str) -> Json:
    late = {document["id"] for document in world.issued[order["id"]] if document["issuedAt"] > ready}
    return {**order, **{name: None for name in ("invoiceId", "estimateId") if order[name] in late}} if late else order


def _ago(world: World, seconds: float) -> str:
    return stamp(world.clock() - timedelta(seconds=seconds))


def _order(world: World, connection: Json, body: Json, facts: Reading) -> Json:
    booking = str(body.get("bookingId"))
    key = (connection["id"], booking)
    if key not in world.order_of or world.order_of[key]["_isDeleted"]:
        owner = {"bokunId": connection["id"], "organizationId": connection["organizationId"]}
        blank: Json = {"payloads": [], "invoiceId": None, "estimateId": None}
        world.order_of[key] = world.orders.create({"orderId": booking, **owner, **blank})
    order = world.order_of[key]
    order["payloads"].append(body)
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


def _tax(body: Json) -> Decimal | None:
    told = ((body.get("custom") or {}).get("bokunSync") or {}).get("order")
    return Decimal(str(told["totalTax"])) if told and "totalTax" in told else None


def _standing(world: World, order: Json) -> list[Json]:
    return [document for document in world.issued[order["id"]] if not document["cancelled"]]


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
            "totalTax": _tax(body),
            "issuedAt": stamp(world.clock()),
            "cancelled": False,
            "corrections": [],
            "mailed": bool(mail),
        }
    )
    world.issued[order["id"]].append(document)
    order[f"{kind}Id"] = document["id"]


def _number(world: World, organization: str, kind: str) -> str:
    """Gives the next number in the year; numbers of one type have no gap (docs/Document)."""
    world.numbers[organization, kind] += 1
    return f"{world.clock():%Y}-{world.numbers[organization, kind]:06d}"


def _correct(world: World, order: Json, body: Json, mark: Json) -> None:
    total, currency = _amount(body)
    correction = {"at": stamp(world.clock()), "total": total, "currency": currency, "revision": mark.get("revision")}
    for document in _standing(world, order)[-1:]:
        document["corrections"].append(correction)


def _cancel(world: World, order: Json) -> None:
    order.update(cancelled=True, cancelledAt=order.get("cancelledAt") or stamp(world.clock()))
    for document in _standing(world, order):
        document["cancelled"] = True
