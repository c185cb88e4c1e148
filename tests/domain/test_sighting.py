"""What is kept of an item of a search, and what it says of the next one."""

import pytest

from worker.domain.sighting import keep, same_item, same_text, unchanged

NEW = keep("text 1")
CHANGED_ONCE = keep("text 2", "item 2")
OF_0_1_0 = "item 3"


@pytest.mark.parametrize(
    ("kept", "text", "item"),
    [
        (NEW, True, False),
        (keep("text 10"), False, False),
        (CHANGED_ONCE, False, False),
        (keep("text 1", "item 1"), True, True),
        (keep("text 2", "item 1"), False, True),
        (OF_0_1_0, False, False),
        ("item 1", False, True),
    ],
)
def test_what_is_kept_tells_text_and_item_apart(kept, text, item):
    """The item `text 1`, `item 1` is compared with what is kept by its text, or by its members in order, never by a part."""
    assert (same_text(kept, "text 1"), same_item(kept, "item 1")) == (text, item)


def test_members_are_brought_in_order_only_where_the_text_is_another_one():
    """The other digest is asked for only then, and is what decides."""
    asked = []

    def ordered():
        asked.append(1)
        return "item 2"

    found = [unchanged(kept, "text 1", ordered) for kept in (NEW, CHANGED_ONCE, OF_0_1_0)]
    assert (found, len(asked)) == ([True, True, False], 2)
