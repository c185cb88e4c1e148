"""What is kept of an item of a search, and whether it changed since.

Its text says so for next to nothing: an unchanged item hardly ever comes as another text. Where it does come as another
one, a digest with its members in order is kept beside that of the text, and from then on it decides. So an item whose
members are shuffled is taken for a change once, and never again.

Kept is `FINGERPRINT:` or `FINGERPRINT:ORDERED`, and `ORDERED` alone of what release 0.1.0 saw last.
"""

from __future__ import annotations

from collections.abc import Callable

_BETWEEN = ":"


def keep(fingerprint: str, ordered: str = "") -> str:
    """What is kept of an item, the digest with its members in order only where its text was another one before."""
    return f"{fingerprint}{_BETWEEN}{ordered}"


def same_text(kept: str, fingerprint: str) -> bool:
    """Whether the item came as the same text."""
    return kept.startswith(keep(fingerprint))


def same_item(kept: str, ordered: str) -> bool:
    """Whether the item is known to be the same, in whatever order its members came."""
    return kept.rpartition(_BETWEEN)[2] == ordered


def unchanged(kept: str, fingerprint: str, ordered: Callable[[], str]) -> bool:
    """Whether the item is the same; the digest with its members in order is made where its text is another one."""
    return same_text(kept, fingerprint) or same_item(kept, ordered())
