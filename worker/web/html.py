"""HTML that cannot be forgotten to be escaped: text is text, and only an element is markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = frozenset({"input", "meta", "link", "br"})
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters, and those that turn the reading direction of what follows: nobody's name needs them here."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element; `class_` is the attribute class, `aria_label` is aria-label; False and None leave one out."""
    opened = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{opened}>")
    return Markup(f"<{name}{opened}>{text(children)}</{name}>")


def text(child: Child) -> Markup:
    """A child as HTML: what is not markup already is escaped."""
    if isinstance(child, Markup):
        return child
    if child is None:
        return Markup()
    if isinstance(child, str | int):
        return Markup(html.escape(_visible(str(child)), quote=True))
    return Markup("".join(text(each) for each in child))


def foreign(said: str) -> Markup:
    """A stranger's words: their reading direction ends where they end."""
    return tag("bdi", said)


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(_visible(str(value)), quote=True)}"'


def _visible(said: str) -> str:
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", said)
