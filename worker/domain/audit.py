"""Three books side by side: Bokun's bookings, our ledger, Space Invoices' documents; each difference has a name.

Every sale (a booking in the view of an organization) is compared by itself. What is still on its way is not compared:
a notice that waits or a call that was just made is work, not damage. A sale gets the first name that fits, from the
sale that nobody read to the figure that is off by a cent, so one damage is one line (docs/adr/0011).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from worker.domain import changes
from worker.domain.booking import Status
from worker.domain.books import Audit, Books, Difference, Entry, Kind, Line, Paper, Placed, Reading, SaleId, Sold
from worker.domain.decision import ISSUING, Document, Moment
from worker.domain.money import Money, plain


@dataclass(slots=True)
class _Sale:
    """Everything the three books say of one sale."""

    sold: list[Sold] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    orders: list[Placed] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)

    @property
    def first(self) -> Sold | None:
        """The view that speaks for the sale: the one of the connection that told it, else the first."""
        told = {each.connection for each in self.entries if each.told}
        return next((each for each in self.sold if each.connection in told), self.sold[0] if self.sold else None)

    def issued(self, kind: Document) -> Entry | None:
        """The told delivery that expects a document of this kind."""
        return next(
            (each for each in self.entries if each.told and each.moment in ISSUING and each.document is kind), None
        )

    def standing(self, kind: str) -> list[Paper]:
        return [each for each in self.papers if each.kind == kind and each.stands]

    @property
    def changes(self) -> list[Entry]:
        return [each for each in self.entries if each.told and each.moment is Moment.CHANGED]


def compare(books: Books) -> Audit:
    """The figures of each book, and every difference between them."""
    sales, others = _by_sale(books)
    found: list[Difference] = []
    under_way = 0
    for sale_id, sale in sorted(sales.items()):
        if any(each.under_way for each in sale.sold) or any(each.under_way for each in sale.entries):
            under_way += 1
        else:
            found += _differences(sale_id, sale)
    return Audit(_lines(books, sales), tuple(found), len(sales), under_way, others)


def _by_sale(books: Books) -> tuple[dict[SaleId, _Sale], int]:
    """The books cut into sales; orders find theirs by id or code, documents by the order that they belong to."""
    sales: dict[SaleId, _Sale] = defaultdict(_Sale)
    named: dict[tuple[str, str], SaleId] = {}
    for each in books.sold:
        sale_id = each.organization, each.booking
        sales[sale_id].sold.append(each)
        named[each.organization, str(each.booking)] = named[each.organization, each.code] = sale_id
    for entry in books.ledger:
        sales[entry.organization, entry.booking].entries.append(entry)
        named.setdefault((entry.organization, str(entry.booking)), (entry.organization, entry.booking))
    by_order: dict[str, _Sale] = {}
    by_paper: dict[str, _Sale] = {}
    for order in books.placed:
        known = (named.get((order.organization, name)) for name in sorted(order.names))  # the id before the code
        of = next((sale_id for sale_id in known if sale_id is not None), None)
        sale = sales[of or (order.organization, _number(order))]
        sale.orders.append(order)
        by_order[order.id] = sale
        by_paper |= dict.fromkeys(order.papers, sale)
    others = 0
    for paper in books.papers:
        if (owner := by_order.get(paper.order or "") or by_paper.get(paper.id)) is not None:
            owner.papers.append(paper)
        else:
            others += 1
    return sales, others


def _number(order: Placed) -> int:
    return next((int(name) for name in sorted(order.names) if name.isascii() and name.isdigit()), 0)


def _differences(sale_id: SaleId, sale: _Sale) -> Iterator[Difference]:
    """The differences of one sale that is at rest: first what nobody read, then what stands, then what it says."""
    name = _Namer(sale_id, sale)
    unread = list(_unread(sale, name))
    if unread:
        yield from unread
        return
    yield from _documents(sale, name) if any(each.told for each in sale.entries) else _untold(sale, name)
    yield from _waiting_for_a_person(sale, name)


@dataclass(frozen=True, slots=True)
class _Namer:
    """Makes the differences of one sale."""

    sale_id: SaleId
    sale: _Sale

    def __call__(
        self, kind: Kind, because: str, *, settle: str = "", ours: Money | None = None, theirs: Money | None = None
    ) -> Difference:
        organization, booking = self.sale_id
        seen = self.sale.first
        of = seen or next(iter(self.sale.entries), None) or next(iter(self.sale.orders), None)
        connection = of.connection if of else ""
        found = Difference(kind, organization, connection, booking, seen.code if seen else str(booking), because,
                           settle, ours, theirs)  # fmt: skip
        accept = f'bokun-sync audit --accept {found.key} --because "..."'
        return found if settle else replace(found, settle=accept)


def _unread(sale: _Sale, name: _Namer) -> Iterator[Difference]:
    for each in sale.sold:
        again = f"bokun-sync enqueue booking {each.connection} {each.booking} --now"
        if each.reading is Reading.NEVER:
            yield name(Kind.NEVER_READ, "Bokun has this booking, and it was never read here", settle=again)
            return
        if each.reading is Reading.CHANGED:
            because = f"Bokun shows it otherwise than when it was read last: {each.news}"
            yield name(Kind.UNREAD_CHANGE, because, settle=again)
            return
        if each.reading is Reading.VANISHED:
            because = "it was read here, but Bokun's search does not show it in this period any more"
            yield name(Kind.NOT_IN_BOKUN, because, settle=again)
            return


def _untold(sale: _Sale, name: _Namer) -> Iterator[Difference]:
    """Nothing was told: what stands there is somebody else's, and what is due is missing."""
    standing = [each for each in sale.papers if each.stands]
    for kind, several in _by_kind(standing):
        if len(several) > 1:
            yield name(Kind.DOUBLED, f"{len(several)} {kind}s stand for it: {_numbers(several)}")
            return
    if standing:
        what = f"{_a(standing[0].kind)} ({standing[0].number}) stands that was not told from here"
        if sale.first is None:
            what += ", for a booking that Bokun does not show"
        yield name(Kind.FOREIGN, f"{what}: an import, a person or another program", theirs=standing[0].total)
        return
    seen = sale.first
    if seen is not None and seen.decision == "tell" and seen.document is not None and not sale.entries:
        again = f"bokun-sync enqueue booking {seen.connection} {seen.booking} --now"
        because = f"{_a(seen.document)} is due ({seen.rule}: {seen.because}), and nothing is planned"
        yield name(Kind.MISSING, because, settle=again, ours=seen.total)


def _documents(sale: _Sale, name: _Namer) -> Iterator[Difference]:
    """The told documents: those that stand against those that the ledger says."""
    for kind in Document:
        several = sale.standing(kind)
        if len(several) > 1:
            yield name(Kind.DOUBLED, f"{len(several)} {kind}s stand for it: {_numbers(several)}")
            return
    invoice, estimate = sale.issued(Document.INVOICE), sale.issued(Document.ESTIMATE)
    told = invoice or estimate
    if told is None or told.by_hand:
        return
    if invoice is None and sale.standing(Document.INVOICE) and sale.standing(Document.ESTIMATE):
        [paper] = sale.standing(Document.INVOICE)
        because = f"an invoice ({paper.number}) stands beside the estimate, and only the estimate was told from here"
        yield name(Kind.FOREIGN, because, theirs=paper.total)
        return
    standing = sale.standing(told.document)
    yield from _figures(sale, told, standing[0], name) if standing else _absent(sale, told, name)


def _absent(sale: _Sale, told: Entry, name: _Namer) -> Iterator[Difference]:
    """The document that was told does not stand: deleted, cancelled, another one, or no trace of it."""
    seen = sale.first
    if seen is not None and seen.status in (Status.CANCELLED, Status.VOID):
        return  # nothing stands, and nothing should
    other = [each for each in sale.papers if each.stands]
    mine = [each for each in sale.papers if each.kind == told.document]
    deleted = any(each.deleted for each in mine) or any(each.deleted for each in sale.orders)
    if other:
        because = f"{_a(told.document)} was told, but {_a(other[0].kind)} ({other[0].number}) stands"
        yield name(Kind.WRONG_DOCUMENT, because, ours=told.total, theirs=other[0].total)
    elif deleted:
        because = f"the {told.document} was deleted in Space Invoices; it is not made again: if it is wanted, write it by hand there"
        yield name(Kind.DELETED, because, ours=told.total)
    elif mine:
        because = f"the {told.document} ({mine[-1].number}) was cancelled in Space Invoices, but the booking stands"
        yield name(Kind.CANCELLED_THERE, because, ours=told.total, theirs=mine[-1].total)
    else:
        because = f"the ledger says that the {told.document} was told, but Space Invoices shows none"
        yield name(Kind.MISSING, because, ours=told.total)


def _figures(sale: _Sale, told: Entry, paper: Paper, name: _Namer) -> Iterator[Difference]:
    """One document stands, of the right kind: its currency, total and tax, then what became of the booking."""
    ours = [told, *sale.changes]  # a told change may have corrected the document, or stand beside it
    if paper.total is not None:
        if all(each.total.currency != paper.total.currency for each in ours):
            because = f"{_a(paper.kind)} ({paper.number}) of {paper.total} stands for {told.total}"
            yield name(Kind.WRONG_CURRENCY, because, ours=told.total, theirs=paper.total)
            return
        if all(each.total != paper.total for each in ours):
            off = plain(paper.total.amount - told.total.amount)
            because = f"{_a(paper.kind)} ({paper.number}) of {paper.total} stands, {told.total} was told: {off} off"
            yield name(Kind.WRONG_AMOUNT, because, ours=told.total, theirs=paper.total)
            return
    if paper.tax is not None and all(each.tax is not None and each.tax != paper.tax for each in ours):
        because = f"tax of {plain(paper.tax)} on {paper.kind} {paper.number}, {plain(told.tax or Decimal(0))} was told"
        yield name(Kind.WRONG_TAX, because, ours=told.total, theirs=paper.total)
        return
    yield from _since(sale, ours[-1], paper, name)


def _since(sale: _Sale, last: Entry, paper: Paper, name: _Namer) -> Iterator[Difference]:
    """What happened to the booking after its document."""
    seen = sale.first
    if seen is None:
        return
    look = f"bokun-sync explain {seen.code}"
    if seen.status is not Status.CONFIRMED:
        because = f"the booking is {seen.status}, but {paper.kind} {paper.number} still stands"
        yield name(Kind.STILL_STANDING, because, theirs=paper.total)
    elif last.document is Document.INVOICE and last.revision not in ("", seen.revision):
        yield name(Kind.CHANGED, changes.money(last.total, seen.total, f"{paper.kind} {paper.number}"), settle=look,
                   ours=seen.total, theirs=paper.total)  # fmt: skip
    elif seen.refunded is not None and paper.kind == Document.INVOICE:
        because = f"Bokun shows {seen.refunded} paid back, but {paper.kind} {paper.number} stands in full"
        yield name(Kind.REFUNDED, because, ours=seen.refunded, theirs=paper.total)


def _waiting_for_a_person(sale: _Sale, name: _Namer) -> Iterator[Difference]:
    """What is held, what has been on its way for too long, and bookings that ask."""
    for each in sale.entries:
        if each.state == "held":
            settle = f'bokun-sync deliveries release {each.id} --because "..."'
            yield name(Kind.HELD, f"the {each.document} ({each.moment}) is held: {each.reason}", settle=settle)
        elif each.state in ("planned", "sending", "accepted", "unknown"):
            because = f"the {each.document} ({each.moment}) has been {each.state} for long"
            yield name(Kind.STUCK, because, settle=f"bokun-sync explain {each.booking}", ours=each.total)
    seen = sale.first
    if seen is not None and seen.decision == "ask" and not any(each.told for each in sale.entries):
        yield name(
            Kind.ASKS, f"{seen.rule}: {seen.because}", settle=f'bokun-sync bookings settle {seen.code} --because "..."'
        )


def _by_kind(papers: Iterable[Paper]) -> Iterator[tuple[str, list[Paper]]]:
    found: dict[str, list[Paper]] = defaultdict(list)
    for each in papers:
        found[each.kind].append(each)
    yield from found.items()


def _numbers(papers: Iterable[Paper]) -> str:
    return ", ".join(each.number for each in papers)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


def _lines(books: Books, sales: dict[SaleId, _Sale]) -> tuple[Line, ...]:
    """Counts, sums and tax of each book by connection and currency."""
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)

    def add(connection: str, book: str, total: Money | None, tax: Decimal | None) -> None:
        if total is not None:
            cell = sums[connection, total.currency, book]
            sums[connection, total.currency, book] = [
                each + more for each, more in zip(cell, (Decimal(1), total.amount, tax or Decimal(0)), strict=True)
            ]

    for sold in books.sold:
        add(sold.connection, f"bokun {sold.status}", sold.total, sold.tax)
    for entry in books.ledger:
        if entry.told and entry.moment in ISSUING:
            add(entry.connection, f"ledger {entry.document}", entry.total, entry.tax)
    for sale in sales.values():
        for paper in sale.papers:
            if paper.stands:
                add(sale.orders[0].connection, f"space-invoices {paper.kind}", paper.total, paper.tax)
    return tuple(
        Line(connection, currency, book, int(count), total, tax)
        for (connection, currency, book), (count, total, tax) in sorted(sums.items())
    )
