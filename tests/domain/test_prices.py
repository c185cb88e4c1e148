"""The difference between wanted and existing price lists."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from worker.domain.pricelist import PER_BOOKING, Offer, Price, PriceKey, PriceList, Scope, Season
from worker.domain.prices import DOUBLE, GONE, Plan, difference

SUMMER = Season("EUR", date(2026, 5, 1), date(2026, 9, 30))
ADULT, CHILD = PriceKey("7", "1", "10"), PriceKey("7", "1", "11")
ALL = Scope(frozenset({"EUR"}))


def offer(key=ADULT, amount="49.90", season=SUMMER):
    return Offer(season, key, "Tour", Decimal(amount))


def price(id_="p1", key=ADULT, amount="49.90", **said):
    return Price(id_, Decimal(amount), custom={"bokunSync": {"key": str(key), "title": "Tour"}}, **said)


def by_hand(id_="h1"):
    return Price(id_, Decimal("1.00"), custom={"note": "mine"})


def list_(*prices, id_="l1", season=SUMMER, name=None, **custom):
    custom = {**custom, "bokunSync": {"key": season.key("c1")}}
    name = name or season.name("Store")
    return PriceList(id_, name, season.active_from, season.active_to, "sale", custom, prices)


def plan(offers, there, scope=ALL, items=None):
    return difference("c1", offers, there, name="Store", scope=scope, items=items or {})


def test_nothing_there_creates_the_list_and_its_prices():
    """A season without a list gets one with the seed's properties, and a price for each offer."""
    made = plan([offer()], [])
    assert [each.properties for each in made.create_lists] == [
        {
            "name": "Store EUR 2026-05-01 – 2026-09-30",
            "active": True,
            "type": "sale",
            "activeFrom": datetime(2026, 5, 1, tzinfo=UTC),
            "activeTo": datetime(2026, 9, 30, 23, 59, 59, 999000, tzinfo=UTC),
            "custom": {"bokunSync": {"key": "c1|EUR|2026-05-01|2026-09-30"}},
        }
    ]
    assert [(each.key, each.list_id, each.properties["amount"]) for each in made.create_prices] == [
        ("7|1|10", None, Decimal("49.90"))
    ]


def test_an_equal_state_needs_nothing():
    """Lists and prices that are as wanted are in no step, however their numbers are written."""
    assert plan([offer(amount="49.9")], [list_(price(amount="49.900"))]).size == 0


def test_one_price_is_one_patch_of_what_differs():
    """A changed amount is one change that names the amount alone, with what it was."""
    changed = plan([offer(amount="52.00"), offer(CHILD)], [list_(price(), price("p2", CHILD))])
    assert (changed.size, [(each.id, each.before, each.after) for each in changed.change_prices]) == (
        1,
        [("p1", {"amount": Decimal("49.90")}, {"amount": Decimal("52.00")})],
    )


def test_what_bokun_does_not_have_any_more_goes():
    """A price of ours without an offer is removed, and a list of ours that is then empty too."""
    there = [list_(price(), price("p2", CHILD)), list_(price("p3"), id_="l2", season=Season("EUR", None, None))]
    gone = plan([offer()], there)
    assert [(each.id, each.because) for each in (*gone.remove_prices, *gone.remove_lists)] == [
        ("p2", GONE),
        ("p3", GONE),
        ("l2", GONE),
    ]


@pytest.mark.parametrize("custom", [{}, {"bokunSync": "x"}, {"bokunSync": {"key": "c2|EUR||"}}, {"bokunSync": {}}])
def test_foreign_lists_are_not_seen(custom):
    """A list without our key, or of another connection, is in no step, whatever is in it."""
    foreign = PriceList("l9", "By hand", None, None, "sale", custom, (price(),))
    assert plan([], [foreign]).size == 0


def test_prices_made_by_hand_stay_and_keep_their_list():
    """A list of ours that holds a person's price loses ours only, and is named."""
    kept = plan([], [list_(price(), by_hand())])
    assert ([each.id for each in kept.remove_prices], kept.remove_lists, kept.kept) == (
        ["p1"],
        (),
        ("Store EUR 2026-05-01 – 2026-09-30",),
    )


def test_of_two_with_one_key_the_older_one_stays():
    """A second list and a second price with a key of ours are removed: an unanswered create arrived late."""
    there = [list_(price("p3"), id_="l2"), list_(price(), price("p2"))]
    doubles = plan([offer()], there)
    assert [(each.id, each.because) for each in (*doubles.remove_prices, *doubles.remove_lists)] == [
        ("p2", DOUBLE),
        ("p3", DOUBLE),
        ("l2", DOUBLE),
    ]


def test_a_scope_protects_what_was_not_asked_for():
    """Prices of other products, other currencies and products that were not understood are not removed."""
    elsewhere = PriceKey("8", "1", "10")
    dollars = list_(price("p9"), id_="l2", season=Season("USD", None, None))
    there = [list_(price(), price("p2", elsewhere)), dollars]
    one_product = Scope(frozenset({"EUR"}), frozenset({"7"}))
    not_understood = Scope(frozenset({"EUR"}), None, frozenset({("7", "EUR"), ("8", "EUR")}))
    assert [[each.id for each in plan([], there, scope).remove_prices] for scope in (one_product, not_understood)] == [
        ["p1"],
        [],
    ]


def test_a_list_whose_dates_moved_is_patched():
    """Bokun's open season begins today, every day anew: the list moves with it and its prices stay what they are."""
    tomorrow = Season("EUR", date(2026, 5, 2), date(2026, 10, 1))
    moved = plan([offer(season=tomorrow)], [list_(price(), note="kept")])
    assert (moved.size, moved.change_lists[0].id, moved.change_lists[0].after) == (
        1,
        "l1",
        {
            "activeFrom": tomorrow.active_from,
            "activeTo": tomorrow.active_to,
            "custom": {"note": "kept", "bokunSync": {"key": tomorrow.key("c1")}},
            "name": "Store EUR 2026-05-02 – 2026-10-01",
        },
    )


def test_a_list_with_a_persons_price_does_not_move():
    """A person's price was meant for its season, so the moved season gets a list of its own."""
    tomorrow = Season("EUR", date(2026, 5, 2), None)
    made = plan([offer(season=tomorrow)], [list_(price(), by_hand())])
    assert (made.change_lists, [each.key for each in made.create_lists]) == ((), ["c1|EUR|2026-05-02|"])


def test_names_and_switches_belong_to_people():
    """A list that a person renamed keeps its name; dates and type are Bokun's."""
    bent = PriceList("l1", "Summer!", None, SUMMER.active_to, "purchase", list_().custom, (price(),))
    assert [each.after for each in plan([offer()], [bent]).change_lists] == [
        {"activeFrom": SUMMER.active_from, "type": "sale"}
    ]


def test_items_come_from_the_map():
    """A mapped item is set; without one, an item that a person set stays and the key is named."""
    there = [list_(price(item="theirs"), price("p2", CHILD))]
    items = plan([offer(), offer(CHILD)], there, items={str(CHILD): "ours"})
    assert ([(each.id, each.after) for each in items.change_prices], items.without_item) == (
        [("p2", {"itemId": "ours"})],
        (("7|1|10", "Tour"),),
    )


def test_what_else_is_in_custom_goes_back_unharmed():
    """A change of our mark carries the members that others keep in `custom`."""
    other = Price("p1", Decimal("49.90"), custom={"erp": 5, "bokunSync": {"key": str(ADULT), "title": "Old"}})
    assert plan([offer()], [list_(other)]).change_prices[0].after == {
        "custom": {"erp": 5, "bokunSync": {"key": "7|1|10", "title": "Tour"}}
    }


@pytest.mark.parametrize("text", ["", "7|1", "7|1|", "a|b|c|d", None, 7])
def test_a_key_has_three_parts(text):
    """Anything but product, rate and category is no key."""
    assert PriceKey.parse(text) is None


@pytest.mark.parametrize("season", [SUMMER, Season("EUR", None, None), Season("USD", date(2026, 1, 1), None)])
def test_a_seasons_key_can_be_read_again(season):
    """The key in `custom` says which season a list holds, also for an open one."""
    assert (Season.parse(season.key("c1"), "c1"), Season.parse("c1|EUR|x|", "c1")) == (season, None)


@pytest.mark.parametrize("text", ["c1|EUR|2026-05-01", "EUR||", "", "|EUR||", "c1", "x|c1|EUR||", None, 7])
def test_what_is_no_key_of_this_connection_is_no_season(text):
    """A key needs its owner, a currency and two dates, each of which may be open."""
    assert Season.parse(text, "c1") is None


def test_a_price_for_the_whole_booking_has_a_word_of_its_own():
    """The word stands in the keys that Space Invoices keeps: another one would make every such price anew."""
    assert PER_BOOKING == "booking"


def test_a_bar_in_a_connections_id_does_no_harm():
    """A key is read from its end, so the owner may be any text."""
    assert Season.parse(SUMMER.key("a|b"), "a|b") == SUMMER


def test_what_people_put_beside_our_prices_stays():
    """In a list that is wanted, a price without our key and one outside the scope are left alone."""
    there = [list_(price(), by_hand(), price("p2", PriceKey("8", "1", "10")))]
    assert plan([offer()], there, Scope(frozenset({"EUR"}), frozenset({"7"}))).size == 0


def test_the_older_price_stays_however_they_are_listed():
    """Of two prices with one key the one with the smaller id is kept."""
    assert [each.id for each in plan([offer()], [list_(price("p2"), price("p1"))]).remove_prices] == ["p2"]


def test_a_list_that_goes_wholly_is_not_kept():
    """Only a list in which a person's price stays is named."""
    assert plan([], [list_(price())]).kept == ()


def test_the_size_counts_every_step():
    """Each kind of step is a call."""
    kinds = ("change_lists", "create_lists", "create_prices", "change_prices", "remove_prices", "remove_lists")
    made = Plan(**{kind: (None,) * 10**place for place, kind in enumerate(kinds)})
    assert made.size == 111_111


NEXT, LATER, PAST = (Season("EUR", date(2026, month, 2), None) for month in (5, 6, 4))


def test_the_list_that_shares_most_moves():
    """Of two lists that are not wanted any more, the one with more of the wanted prices becomes the new season's."""
    few, many = list_(price("p9"), id_="l0", season=PAST), list_(price(), price("p2", CHILD), id_="l1")
    for there in ([few, many], [many, few]):
        moved = plan([offer(season=NEXT), offer(CHILD, season=NEXT)], there)
        assert ([each.id for each in moved.change_lists], moved.create_lists) == (["l1"], ())
        assert [each.id for each in moved.remove_lists] == ["l0"]


def test_a_list_moves_once_and_a_season_takes_one():
    """Two new seasons and one old list, or one season and two old lists: one pair, and the rest comes or goes."""
    two = plan([offer(season=NEXT), offer(season=LATER)], [list_(price())])
    assert (len(two.change_lists), len(two.create_lists), two.remove_lists) == (1, 1, ())
    one = plan([offer(season=NEXT)], [list_(price()), list_(price("p2"), id_="l2", season=PAST)])
    assert (len(one.change_lists), one.create_lists, [each.id for each in one.remove_lists]) == (1, (), ["l1"])


def test_a_list_that_shares_nothing_does_not_move():
    """Without a common price there is nothing to keep: one list comes, the other goes."""
    made = plan([offer(season=NEXT)], [list_(price("p2", CHILD))])
    assert (made.change_lists, len(made.create_lists), [each.id for each in made.remove_lists]) == ((), 1, ["l1"])


def test_a_list_does_not_change_its_currency():
    """The same prices in dollars are another list."""
    dollars = list_(price(), id_="l2", season=Season("USD", None, None))
    made = plan([offer(season=NEXT)], [dollars], Scope(frozenset({"EUR", "USD"})))
    assert (made.change_lists, len(made.create_lists), [each.id for each in made.remove_lists]) == ((), 1, ["l2"])


def test_a_new_price_goes_into_the_list_that_is_there():
    """A rate that Bokun has anew is created in its season's list, and nothing else is touched."""
    made = plan([offer(), offer(CHILD)], [list_(price())])
    assert (made.size, [(each.key, each.list_id) for each in made.create_prices]) == (1, [(str(CHILD), "l1")])


@pytest.mark.parametrize(("title", "said"), [("Tour", "Tour"), (None, ""), (7, "")])
def test_a_price_that_goes_is_named_by_its_title(title, said):
    """A person reads which price is removed: its key, and the title of our mark where that is a text."""
    gone = Price("p2", Decimal(5), custom={"bokunSync": {"key": str(CHILD), "title": title}})
    [removal] = plan([offer()], [list_(price(), gone)]).remove_prices
    assert (removal.key, removal.title, removal.list_key, removal.list_id) == (
        "7|1|11", said, "c1|EUR|2026-05-01|2026-09-30", "l1",
    )  # fmt: skip


def test_prices_without_an_item_are_told_in_their_order():
    """Whoever maps items reads the keys sorted, however the offers came."""
    keys = [PriceKey("7", "1", str(category)) for category in range(150, 100, -1)]
    assert plan([offer(each) for each in keys], []).without_item == tuple((str(each), "Tour") for each in keys[::-1])
