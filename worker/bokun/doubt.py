"""A doubt: what makes a sale a question for a person instead of a document."""

from __future__ import annotations

from worker.domain.booking import Trouble, Unclear


class Doubt(Exception):
    """Raised while a sale is read; its sentence names figures and ids, never a person."""

    def __init__(self, trouble: Trouble, because: str) -> None:
        super().__init__(because)
        self.unclear = Unclear(trouble, because)


def unclear_role(because: str) -> Doubt:
    return Doubt(Trouble.UNCLEAR_ROLE, because)


def unclear_amount(because: str) -> Doubt:
    return Doubt(Trouble.UNCLEAR_AMOUNT, because)
