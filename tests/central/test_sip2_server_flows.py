"""SIP2 as a library speaks it, over a socket: each request gets its response, and the ledger has what it says."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sip2_server_kit import AT, POLICY, library, terminal

from central.sip2.authority import due_of
from circulation.policy import Policy
from wire.clock import SystemClock

LISTS = {"AS": "Y         ", "AT": " Y        ", "AU": "  Y       ", "AV": "   Y      ", "CD": "     Y    "}


def p63(card: str = "CARD4711", which: str = "", more: str = "", language: str = "001") -> str:
    return f"63{language}{AT}{LISTS.get(which, ' ' * 10)}AOharbour|AA{card}|AC|{more}"


def p11(item: str, card: str = "CARD4711", *, flags: str = "NN", more: str = "") -> str:
    return f"11{flags}{AT}{AT}AOharbour|AA{card}|AB{item}|AC|{more}"


def p09(item: str, *, flag: str = "N", more: str = "") -> str:
    return f"09{flag}{AT}{AT}APdoor|AOharbour|AB{item}|AC|{more}"


def p17(item: str) -> str:
    return f"17{AT}AOharbour|AB{item}|AC|"


async def test_a_terminal_logs_in_and_is_told_what_it_may(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        status = await one.say("9900402.00")

    assert (status.online, status.checkin, status.checkout, status.renewal, status.offline) == (True,) * 5
    assert status.supported == "Y" * 16
    assert (status.timeout, status.retries, status.version) == (100, 3, "2.00")
    assert (status.institution, status.library, status.terminal_location) == (
        "harbour", "Main library", "door",
    )  # fmt: skip
    local = SystemClock().now().astimezone(ZoneInfo("Europe/Copenhagen"))
    assert abs(status.at - local.replace(tzinfo=None)) < timedelta(minutes=1)


async def test_an_older_terminal_is_answered_in_its_version(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say("9900401.00")).version == "1.00"
        assert (await one.say("9900403.00")).version == "2.00"


async def test_an_item_is_lent_seen_everywhere_and_comes_back(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one, terminal(here.port) as other:
        before = await one.say(p17("ITEM-0001"))
        lent = await one.say(p11("ITEM-0001"))
        seen = await other.say(p17("ITEM-0001"))
        account = await other.say(p63(which="AU"))
        back = await other.say(p09("ITEM-0001"))
        after = await one.say(p17("ITEM-0001"))
        empty = await one.say(p63(which="AU"))

    assert (before.circulation_status, seen.circulation_status, after.circulation_status) == (3, 4, 3)
    assert (lent.ok, lent.desensitize, lent.renewed, lent.magnetic) == (True, True, False, "N")
    assert (lent.patron, lent.item, lent.title, lent.media) == (
        "CARD4711", "ITEM-0001", "The Title 1", "001",
    )  # fmt: skip
    assert due_of(lent.due) == due_of(seen.due)
    assert (account.charged, account.charged_items, account.valid) == (1, ("ITEM-0001",), True)
    assert (back.ok, back.resensitize, back.alert, back.patron) == (True, True, False, "CARD4711")
    assert back.permanent_location == "main"
    assert (empty.charged, empty.charged_items) == (0, ())


async def test_the_same_item_is_not_lent_twice_to_one_who_may_not_renew(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say(p11("ITEM-0001"))).ok
        again = await one.say(p11("ITEM-0001"))
        renewed = await one.say(p11("ITEM-0001", flags="YN"))

    assert (again.ok, again.desensitize, again.magnetic, again.item) == (False, False, "U", "ITEM-0001")
    assert again.screen == ("You have this item already.",)
    assert (renewed.ok, renewed.renewed) == (True, True)


async def test_loans_are_renewed_one_and_all(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        for item in ("ITEM-0001", "ITEM-0002"):
            assert (await one.say(p11(item))).ok
        by_item = await one.say(f"29NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0001|AC|")
        by_title = await one.say(f"29NN{AT}{AT}AOharbour|AACARD4711|AJThe Title 2|AC|")
        nothing = await one.say(f"29NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0009|AC|")
        every = await one.say(f"65{AT}AOharbour|AACARD4711|AC|")

    assert (by_item.ok, by_item.renewed, by_item.desensitize) == (True, True, False)
    assert (by_title.ok, by_title.item) == (True, "ITEM-0002")
    assert (nothing.ok, nothing.item) == (False, "ITEM-0009")
    assert (every.ok, every.renewed + every.unrenewed) == (True, 2)
    assert sorted(every.renewed_items + every.unrenewed_items) == ["ITEM-0001", "ITEM-0002"]


async def test_what_happened_off_line_is_recorded_at_its_time_and_not_refused(tmp_path: Path) -> None:
    told, due = "20261001    100000", "20261015    235900"
    async with library(tmp_path) as here, terminal(here.port) as one:
        lent = await one.say(f"11NY{told}{due}AOharbour|AACARD0888|ABITEM-0003|AC|")
        unknown = await one.say(f"11NY{told}{due}AOharbour|AANOBODY|ABNOTHING|AC|")
        late = await one.say(p63("CARD0888", which="AT"))
        back = await one.say(f"09Y{told}20261101    100000APdoor|AOharbour|ABITEM-0003|AC|")
        start, ended = here.ledger.hot.connection.execute(
            "SELECT start, ended FROM loan WHERE item = 'ITEM-0003'"
        ).fetchone()

    assert (lent.ok, lent.due) == (True, due)  # the card has expired: nobody asked
    assert (unknown.ok, unknown.item) == (True, "NOTHING")
    assert (late.overdue, late.overdue_items) == (1, ("ITEM-0003",))
    assert back.ok
    assert ended - start == 31 * 86_400_000 + 3_600_000  # one month, and summer time ended in it


async def test_a_failed_tag_undoes_a_loan_and_a_return(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say(p11("ITEM-0001"))).ok
        undone = await one.say(p09("ITEM-0001", more="BIY|"))
        free = await one.say(p17("ITEM-0001"))
        assert (await one.say(p11("ITEM-0002"))).ok
        assert (await one.say(p09("ITEM-0002"))).ok
        kept = await one.say(p11("ITEM-0002", more="BIY|"))
        still = await one.say(p17("ITEM-0002"))

    assert (undone.ok, free.circulation_status) == (True, 3)
    assert (kept.ok, still.circulation_status) == (True, 4)


async def test_holds_are_placed_changed_counted_and_given_back(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say(p11("ITEM-0001"))).ok
        expired = await one.say(f"15+{AT}BSmain|BY3|AOharbour|AACARD0888|ABITEM-0001|AC|")
        refused = await one.say(f"15+{AT}BY3|AOharbour|AACARD4711|ABITEM-0001|AC|")
        here.ledger.hot.connection.execute("UPDATE patron SET expires = NULL")
        placed = await one.say(f"15+{AT}BW20271231    000000|BSmain|BY3|AOharbour|AACARD0888|ABITEM-0001|AC|")
        waiting = await one.say(p63("CARD0888", which="CD"))
        item = await one.say(p17("ITEM-0001"))
        back = await one.say(p09("ITEM-0001"))
        ready = await one.say(p63("CARD0888", which="AS"))
        shelf = await one.say(p17("ITEM-0001"))
        other = await one.say(p11("ITEM-0001"))
        dropped = await one.say(f"15-{AT}AOharbour|AACARD0888|ABITEM-0001|AC|")
        none = await one.say(p63("CARD0888"))

    assert (expired.ok, expired.patron, refused.ok, refused.item) == (False, "CARD0888", False, "ITEM-0001")
    assert (placed.ok, placed.queue, placed.pickup, placed.item) == (True, "1", "main", "ITEM-0001")
    assert placed.expires.startswith("20271231")
    assert (waiting.unavailable_holds, waiting.holds) == (1, 0)
    assert waiting.unavailable_hold_items == ("ITEM-0001",)
    assert item.hold_queue == "1"
    assert (back.ok, back.alert) == (True, True)
    assert ("CV", "01") in back.extra
    assert ("CY", "CARD0888") in back.extra
    assert (ready.holds, ready.hold_items, ready.unavailable_holds) == (1, ("ITEM-0001",), 0)
    assert (shelf.circulation_status, len(shelf.hold_pickup_date)) == (8, 18)
    assert (other.ok, other.screen) == (False, ("This item is reserved for somebody else.",))
    assert (dropped.ok, none.holds, none.unavailable_holds) == (True, 0, 0)


async def test_a_fine_is_seen_and_paid_once(tmp_path: Path) -> None:
    told, due = "20261001    100000", "20261015    235900"
    pay = f"37{AT}0400EURBV%s|AOharbour|AACARD4711|AC|BK77|"
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say(f"11NY{told}{due}AOharbour|AACARD4711|ABITEM-0003|AC|")).ok
        back = await one.say(f"09Y{told}20261020    100000APdoor|AOharbour|ABITEM-0003|AC|")
        owes = await one.say(p63(which="AV"))
        wrong = await one.say(f"37{AT}0400USDBV1.00|AOharbour|AACARD4711|AC|BK77|")
        some = await one.say(pay % "0.40")
        again = await one.say(pay % "0.40")
        left = await one.say(p63(which="AV"))
        much = await one.say(f"37{AT}0400EURBV100|AOharbour|AACARD4711|AC|BK78|")

    assert back.screen == ("A fine was charged: 1.00 EUR.",)
    assert (owes.fees, owes.currency, owes.fines, owes.fine_items) == (
        "1.00", "EUR", 1, ("ITEM-0003 1.00 EUR",),
    )  # fmt: skip
    assert (wrong.accepted, wrong.screen) == (False, ("Amounts are in EUR here.",))
    assert (some.accepted, some.transaction, again.accepted, left.fees) == (True, "77", True, "0.60")
    assert (much.accepted, much.screen) == (False, ("That is more than is owed.",))


async def test_a_fee_is_asked_for_and_then_agreed_to(tmp_path: Path) -> None:
    policy = Policy.model_validate(POLICY.model_dump() | {"fees": {"currency": "EUR", "rental_fee": "1.50"}})
    async with library(tmp_path, policy) as here, terminal(here.port) as one:
        seen = await one.say(p17("ITEM-0001"))
        asked = await one.say(p11("ITEM-0001"))
        agreed = await one.say(p11("ITEM-0001", more="BOY|"))

    assert (seen.fee, seen.currency, seen.fee_type) == ("1.50", "EUR", "06")
    assert (asked.ok, asked.fee, asked.currency, asked.fee_type) == (False, "1.50", "EUR", "06")
    assert asked.screen == ("It costs 1.50 EUR. Agree?",)
    assert agreed.ok


async def test_a_card_is_barred_and_enabled(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        barred = await one.say(f"01Y{AT}AOharbour|ALleft in the machine|AACARD4711|AC|")
        refused = await one.say(p11("ITEM-0001"))
        enabled = await one.say(f"25{AT}AOharbour|AACARD4711|AC|")
        lent = await one.say(p11("ITEM-0001"))

    assert (barred.status[:4], barred.patron, barred.screen) == (
        "YYYY", "CARD4711", ("This card is barred.",),
    )  # fmt: skip
    assert (refused.ok, enabled.status, lent.ok) == (False, " " * 14, True)


async def test_properties_are_kept_and_a_visit_ends(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        set_ = await one.say(f"19{AT}AOharbour|ABITEM-0001|AC|CHweight 300 g|")
        seen = await one.say(p17("ITEM-0001"))
        ended = await one.say(f"35{AT}AOharbour|AACARD4711|AC|AD|")

    assert (set_.ok, set_.properties, seen.properties) == (True, "weight 300 g", "weight 300 g")
    assert (ended.ended, ended.patron) == (True, "CARD4711")


async def test_a_pin_counts_only_where_it_was_sent(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        without = await one.say(p63())
        right = await one.say(p63(more="AD8642|"))
        empty = await one.say(p63(more="AD|"))
        wrong = await one.say(p63(which="AU", more="AD1111|"))
        stopped = await one.say(p11("ITEM-0001", more="AD1111|"))
        lent = await one.say(p11("ITEM-0001", more="AD8642|"))

    assert (without.valid_pin, right.valid_pin, empty.valid_pin, wrong.valid_pin) == (
        None,
        True,
        False,
        False,
    )
    assert (without.name, right.name, wrong.name, wrong.valid) == ("Wilhelmina", "Wilhelmina", "", True)
    assert (wrong.status, wrong.screen) == ("YYYY" + " " * 10, ("Card or PIN is not right.",))
    assert (stopped.ok, stopped.patron, stopped.item, lent.ok) == (False, "CARD4711", "ITEM-0001", True)


async def test_who_has_no_pin_is_told_by_none(tmp_path: Path) -> None:
    any_is = POLICY.model_copy(update={"pin_of_none": "right"})
    said = []
    for policy in (POLICY, any_is):
        async with library(tmp_path, policy=policy) as here, terminal(here.port) as one:
            for sent in ("AD8642|", "AD|", ""):
                found = await one.say(p63("CARD0888", more=sent))
                said.append((found.valid_pin, found.name))

    assert said[:3] == [(False, ""), (True, "Otto"), (None, "Otto")]
    assert said[3:] == [(True, "Otto"), (True, "Otto"), (None, "Otto")]


async def test_after_too_many_wrong_pins_a_right_one_is_not_told_from_them(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        for n in range(5):
            assert (await one.say(p63(more=f"AD111{n}|"))).valid_pin is False
        right = await one.say(p63(more="AD8642|"))

    assert (right.valid_pin, right.name) == (False, "")
    assert right.screen == ("Too many wrong PINs. Try again later.",)


async def test_nobody_is_answered_as_nobody_with_the_number_as_it_came(tmp_path: Path) -> None:
    strange = " nö body%27 OR 1=1--" + "x" * 300
    async with library(tmp_path) as here, terminal(here.port) as one:
        for card in ("NOBODY", "", "x" * 255, strange):
            found = await one.say(p63(card))
            assert (found.patron, found.valid, found.name) == (card, False, "")
            assert found.status == "YYYY" + " " * 10
            assert (found.holds, found.charged, found.fines) == (0, 0, 0)
            status = await one.say(f"23001{AT}AOharbour|AA{card}|AC|AD|")
            assert (status.patron, status.valid, status.valid_pin) == (card, False, False)
            item = await one.say(p17(card))
            assert (item.item, item.circulation_status) == (card, 1)
            back = await one.say(p09(card))
            assert (back.item, back.ok) == (card, False)


async def test_messages_come_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        german = await one.say(p63("CARD0888", language="003"))
        english = await one.say(p63("CARD0888", language="001"))
        own = await one.say(p63("CARD0888", language="000"))
        other = await one.say(p63("CARD0888", language="019"))

    assert [found.language for found in (german, english, own, other)] == ["003", "001", "000", "019"]
    assert german.screen == own.screen == other.screen == ("Diese Karte ist abgelaufen.",)
    assert english.screen == ("This card has expired.",)


async def test_each_list_is_given_where_it_is_asked_for_and_all_of_them_together(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.say(p11("ITEM-0001"))).ok
        recalls = await one.say(f"63001{AT}    Y     AOharbour|AACARD4711|AC|")
        every = await one.say(f"63001{AT}YYYYYY    AOharbour|AACARD4711|AC|")

    assert (recalls.recalls, recalls.recall_items, recalls.charged_items) == (0, (), ())
    assert every.charged_items == ("ITEM-0001",)


async def test_lists_are_given_in_parts(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        for n in range(1, 8):
            assert (await one.say(p11(f"ITEM-000{n}"))).ok
        whole = await one.say(p63(which="AU"))
        parts = [
            (await one.say(p63(which="AU", more=f"BP{first}|BQ{last}|"))).charged_items
            for first, last in ((1, 3), (3, 5), (7, 99), (8, 9), (3, 2))
        ]
        odd = await one.say(p63(which="AU", more="BPnone|BQ|"))

    assert (whole.charged, len(whole.charged_items)) == (7, 7)
    all_ = whole.charged_items
    assert parts == [all_[:3], all_[2:5], all_[6:], (), ()]
    assert odd.charged_items == all_
