"""Two terminals with one item, one patron, one frame: whatever comes first, the ledger has one loan."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sip2_server_kit import AT, Library, Terminal, account, framed, library, terminal

from central.sip2.codec import Dialect, Frame, decode
from circulation.policy import Policy

ITEMS = [f"ITEM-{n:04d}" for n in range(1, 21)]
OTHER = "CARD0999"


def lend(item: str, card: str) -> str:
    return f"11NN{AT}{AT}AOharbour|AA{card}|AB{item}|AC|"


async def somebody_else(here: Library) -> None:
    """Put a second patron into the ledger."""
    hot = here.ledger.hot

    def add(_: object) -> None:
        hot.connection.execute(
            "INSERT INTO patron (patron, class, home) VALUES ('patron-99', 'adult', 'main')"
        )
        hot.connection.execute("INSERT INTO card (card, patron) VALUES (?, 'patron-99')", (OTHER,))

    await here.desk.write(add)


def open_loans(here: Library) -> list[tuple[str, str]]:
    rows = here.ledger.hot.connection.execute(
        "SELECT item, patron FROM loan WHERE ended IS NULL AND NOT withdrawn ORDER BY item"
    )
    return [(item, patron) for item, patron in rows]


async def race(here: Library, one: Terminal, two: Terminal) -> list[tuple[Any, Any]]:
    """Lend each item at two terminals at once, to two patrons."""
    await somebody_else(here)
    said = []
    for item in ITEMS:
        first, second = await asyncio.gather(one.say(lend(item, "CARD4711")), two.say(lend(item, OTHER)))
        said.append((first, second))
    return said


async def test_of_two_terminals_that_lend_one_item_one_is_told_no_and_why(tmp_path: Path) -> None:
    policy = Policy.model_validate({"on_loan_elsewhere": "refuse"})
    async with library(tmp_path, policy) as here, terminal(here.port) as one, terminal(here.port) as two:
        said = await race(here, one, two)
        loans = open_loans(here)

    assert [item for item, _ in loans] == ITEMS
    for (first, second), item, (_, patron) in zip(said, ITEMS, loans, strict=True):
        assert [first.ok, second.ok] in ([True, False], [False, True])
        won, lost = (first, second) if first.ok else (second, first)
        assert patron == ("patron-77" if won.patron == "CARD4711" else "patron-99")
        assert (lost.item, lost.desensitize, lost.renewed, lost.due) == (item, False, False, "")
        assert lost.screen == ("This item is lent to somebody else.",)
        assert won.desensitize


async def test_where_an_item_on_loan_counts_as_back_unseen_the_last_one_has_it_and_nobody_else(
    tmp_path: Path,
) -> None:
    """The policy's default: what lies on a pad has come back, whoever had it."""
    async with library(tmp_path) as here, terminal(here.port) as one, terminal(here.port) as two:
        await race(here, one, two)
        loans = open_loans(here)
        accounts = [await one.say(f"63001{AT}{' ' * 10}AOx|AA{card}|AC|") for card in ("CARD4711", OTHER)]

    assert [item for item, _ in loans] == ITEMS
    assert sum(account.charged for account in accounts) == len(ITEMS)


async def test_one_patron_at_two_terminals_with_one_item_has_it_once(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one, terminal(here.port) as two:
        for item in ITEMS[:5]:
            said = await asyncio.gather(*(sc.say(lend(item, "CARD4711")) for sc in (one, two)))
            assert len({answer.due for answer in said if answer.ok}) == 1

        assert open_loans(here) == [(item, "patron-77") for item in ITEMS[:5]]


async def test_one_item_lent_and_taken_back_at_once_is_at_one_place(tmp_path: Path) -> None:
    """A return and a loan cross: afterwards 17 says what the ledger says, and nobody has it twice."""
    async with (
        library(tmp_path) as here, terminal(here.port) as one, terminal(here.port) as two,
    ):  # fmt: skip
        back = f"09N{AT}{AT}APx|AOharbour|ABITEM-0001|AC|"
        for _ in range(10):
            await asyncio.gather(one.say(lend("ITEM-0001", "CARD4711")), two.say(back))
            seen = await one.say(f"17{AT}AOharbour|ABITEM-0001|AC|")
            assert (seen.circulation_status == 4) is bool(open_loans(here))
            await two.say(back)
        assert open_loans(here) == []


async def test_a_frame_in_flight_twice_on_two_connections_lends_once(tmp_path: Path) -> None:
    """A terminal whose link flaps asks over a new connection while the old one is still being answered."""
    async with library(tmp_path) as here:
        frame = framed(lend("ITEM-0001", "CARD4711"), 5)
        async with terminal(here.port) as one, terminal(here.port) as two, terminal(here.port) as three:
            said = await asyncio.gather(*(sc.exchange(frame) for sc in (one, two, three)))

        found = [decode(data) for data in said]
        assert all(isinstance(one, Frame) and one.message.ok for one in found)  # type: ignore[attr-defined]  # a 12
        journal = here.ledger.hot.connection.execute("SELECT count(*) FROM loan").fetchone()
        assert journal == (1,)


# --- renewing all, with holds on some


async def test_renewing_all_leaves_what_others_wait_for(tmp_path: Path) -> None:
    policy = Policy.model_validate({"defaults": {"renewals": 2}})
    async with library(tmp_path, policy) as here, terminal(here.port) as sc:
        await somebody_else(here)
        for item in ITEMS[:4]:
            assert (await sc.say(lend(item, "CARD4711"))).ok
        for item in (ITEMS[1], ITEMS[3]):
            assert (await sc.say(f"15+{AT}BY3|AOharbour|AA{OTHER}|AB{item}|AC|")).ok
        before = dict(due(here))
        said = await sc.say(f"65{AT}AOharbour|AACARD4711|AC|")
        after = dict(due(here))

    assert (said.ok, said.renewed, said.unrenewed) == (True, 2, 2)
    assert sorted(said.renewed_items) == [ITEMS[0], ITEMS[2]]
    assert sorted(said.unrenewed_items) == [ITEMS[1], ITEMS[3]]
    assert {item for item in before if before[item] != after[item]} <= {ITEMS[0], ITEMS[2]}


def due(here: Library) -> list[tuple[str, str]]:
    return here.ledger.hot.connection.execute("SELECT item, due FROM loan").fetchall()


# --- terminals that write cp850


async def umlauts(here: Library) -> None:
    hot = here.ledger.hot

    def write(_: object) -> None:
        hot.connection.execute("UPDATE patron SET name = 'Jörg Müßig' WHERE patron = 'patron-77'")
        hot.connection.execute("UPDATE item SET title = 'Über Äpfel – ½ ☃' WHERE item = 'ITEM-0001'")
        hot.connection.execute("INSERT INTO card (card, patron) VALUES ('KÄRT-1', 'patron-77')")

    await here.desk.write(write)


@pytest.fixture
def cp850(tmp_path: Path) -> dict[str, Any]:
    profile = tmp_path / "old.toml"
    profile.write_text(
        'about = "terminals of a DOS"\nencoding = "cp850"\nlists = "item-title"\nlanguage = "de"\n'
    )
    return {"accounts": [account(profile=str(profile))]}


async def test_a_cp850_terminal_lends_reads_and_returns_with_right_checksums(
    tmp_path: Path, cp850: dict[str, Any]
) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    async with library(folder, **cp850) as here, terminal(here.port, encoding="cp850") as sc:
        await umlauts(here)
        lent = await sc.say(lend("ITEM-0001", "KÄRT-1"))
        raw = sc.raw
        owner = await sc.say(f"63003{AT}  Y       AOharbour|AAKÄRT-1|AC|")
        back = await sc.say(f"09N{AT}{AT}APx|AOharbour|ABITEM-0001|AC|")
        nobody = await sc.say(f"23003{AT}AOharbour|AAKÄRT-2|AC|AD|")

    assert (lent.ok, lent.patron, lent.title) == (True, "KÄRT-1", "Über Äpfel ? ½ ?")
    assert "AJ\N{LATIN CAPITAL LETTER U WITH DIAERESIS}ber".encode("cp850") in raw
    assert (owner.name, owner.charged_items) == ("Jörg Müßig", ("ITEM-0001 Über Äpfel ? ½ ?",))
    assert (back.ok, back.patron) == (True, "CARD4711")
    assert (nobody.valid, nobody.patron, nobody.screen) == (
        False, "KÄRT-2", ("Diese Karte ist hier nicht bekannt.",),
    )  # fmt: skip


async def test_bytes_that_cp850_has_and_utf8_has_not_come_back_as_they_were(
    tmp_path: Path, cp850: dict[str, Any]
) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    every = bytes(one for one in range(0x80, 0x100) if one not in b"\r\n|")
    async with library(folder, **cp850) as here, terminal(here.port, encoding="cp850") as sc:
        raw = await sc.exchange(b"17" + AT.encode() + b"AOharbour|AB" + every + b"|AC|\r")

    assert b"AB" + every + b"|" in raw
    found = decode(raw, Dialect(encoding="cp850"))
    assert isinstance(found, Frame)
    assert found.problems == ()
