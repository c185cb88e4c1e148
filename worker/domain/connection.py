"""A connection: one Bokun store linked inside Space Invoices, with the flags that decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

ConnectionId = NewType("ConnectionId", str)
OrganizationId = NewType("OrganizationId", str)
BookingId = NewType("BookingId", int)


@dataclass(frozen=True, slots=True)
class Flags:
    """The switches of a connection under the names of the seed (seeds/bokun.txt, "The Bokun object")."""

    active: bool = True
    issueInvoiceOnComplete: bool = False  # noqa: N815 - the seed's own name
    issueInvoiceForBankPayment: bool = False  # noqa: N815
    sendInvoiceAutomatically: bool = True  # noqa: N815
    sendEstimateAutomatically: bool = True  # noqa: N815
