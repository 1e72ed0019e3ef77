"""What is overheard between other makes' kiosks and the library system: what was lent, what came back."""

import contextlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from central_kit import central_on, seed, station
from hypothesis import given
from hypothesis import strategies as st
from pysip2 import models, routes
from pysip2.server import SIP2Server
from test_gate_looks import ask

from central.sip2.client import Connection, Peer
from central.sip2.codec import Dialect, encode
from central.sip2.messages import Message, PatronInformation, PatronInformationResponse, ResendRequest
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    ItemInformationResponse,
    Renew,
    RenewResponse,
)
from central.sip2.mirror import Ear, Heard, heard, stands
from wire.link_memory import MemoryBroker
from wire.messages.asks import ItemChanges
from wire.topics import topic

AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - SIP2 tells local times
DUE = "20261219    235900"
LENT, BACK = Heard("30", True), Heard("30", False)


def out(item: str = "30", **more: Any) -> Checkout:
    return Checkout(at=AT, patron="29", item=item, **more)


def back(item: str = "30", **more: Any) -> Checkin:
    return Checkin(at=AT, returned=AT, item=item, **more)


@pytest.mark.parametrize(
    ("request_", "reply", "expected"),
    [
        (out(), CheckoutResponse(ok=True, item="30", due=DUE), Heard("30", True, date(2026, 12, 19))),
        (out(), CheckoutResponse(ok=True), LENT),
        (out(), CheckoutResponse(ok=False, item="30"), None),
        (out(), CheckoutResponse(ok=True, item="31"), None),
        (Renew(item="30"), RenewResponse(ok=True, item="30"), LENT),
        (Renew(title="T"), RenewResponse(ok=True, item="30"), LENT),
        (Renew(title="T"), RenewResponse(ok=True), None),
        (back(), CheckinResponse(ok=True, item="30"), BACK),
        (back(), CheckinResponse(ok=False, item="30"), None),
        (back(cancel=True), CheckinResponse(ok=True, item="30"), BACK),
        (back(cancel=True), CheckinResponse(ok=False, item="30"), None),
        (out(cancel=True), CheckoutResponse(ok=True, item="30"), LENT),
        (back(), CheckoutResponse(ok=True, item="30"), None),
        (PatronInformation(patron="29"), PatronInformationResponse(valid=True), None),
    ],
)
def test_a_reply_says_what_was_lent_or_came_back(
    request_: Message, reply: Message, expected: Heard | None
) -> None:
    assert heard(request_, reply) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(1, None), (2, None), (3, False), (4, True), (5, True), (6, False), (7, True), (8, False), (9, False),
     (10, False), (11, None), (12, None), (13, None), (0, None), (99, None)],
)  # fmt: skip
def test_a_circulation_status_says_whether_somebody_has_the_item(status: int, expected: bool | None) -> None:
    assert stands(ItemInformationResponse(circulation_status=status)) is expected


def pass_by(ear: Ear, *frames: tuple[str, bytes]) -> list[Heard]:
    found: list[Heard] = []
    for side, data in frames:
        if side == "kiosk":
            ear.from_terminal(data)
        else:
            found += ear.from_system(data)
    return found


OK_12 = CheckoutResponse(ok=True, at=AT, item="30")


def test_a_conversation_byte_by_byte_is_heard_like_one_in_a_piece() -> None:
    frames = [("kiosk", encode(out(), sequence="4")), ("system", encode(OK_12, sequence="4"))]
    bytewise = [(side, bytes((byte,))) for side, data in frames for byte in data]

    assert pass_by(Ear(), *frames) == pass_by(Ear(), *bytewise) == [LENT]


def test_a_late_reply_to_another_question_is_not_paired() -> None:
    ear = Ear()
    found = pass_by(
        ear, ("kiosk", encode(out("31"), sequence="5")), ("system", encode(OK_12, sequence="4"))
    )  # fmt: skip

    assert (found, ear.tally.unpaired) == ([], 1)


def test_a_reply_that_comes_again_is_told_once() -> None:
    reply = encode(OK_12, sequence="4")
    found = pass_by(Ear(), ("kiosk", encode(out(), sequence="4")), ("system", reply), ("system", reply))

    assert found == [LENT]


def test_a_request_that_had_to_come_again_is_paired_with_its_reply() -> None:
    request = encode(out(), sequence="4")
    found = pass_by(
        Ear(), ("kiosk", request), ("system", encode(ResendRequest())), ("kiosk", request),
        ("system", encode(OK_12, sequence="4")),
    )  # fmt: skip

    assert found == [LENT]


def test_a_garbled_reply_says_nothing_until_it_is_repeated() -> None:
    good = encode(OK_12, sequence="4")
    ear = Ear()
    found = pass_by(
        ear, ("kiosk", encode(out(), sequence="4")), ("system", good.replace(b"AB30", b"AB39")),
        ("kiosk", b"97AZFEF5\r"), ("system", good),
    )  # fmt: skip

    assert (found, ear.tally.unread) == ([LENT], 1)


def test_what_decides_and_cannot_be_read_is_not_believed() -> None:
    plain = Dialect(checksum=False)
    reply = encode(OK_12, plain).replace(b"121", b"12Y", 1)

    assert pass_by(Ear(), ("kiosk", encode(out(), plain)), ("system", reply)) == []


@given(st.lists(st.tuples(st.sampled_from(["kiosk", "system"]), st.binary(max_size=120)), max_size=30))
def test_no_bytes_make_it_fail_or_hear_what_was_not_said(frames: list[tuple[str, bytes]]) -> None:
    assert pass_by(Ear(), *frames) == []


@given(st.lists(st.sampled_from(["30", "31"]), min_size=1, max_size=8), st.randoms())
def test_junk_between_the_frames_hides_nothing(items: list[str], random: Any) -> None:
    frames: list[tuple[str, bytes]] = []
    for number, item in enumerate(items):
        digit = str(number % 10)
        frames.append(("kiosk", encode(out(item), sequence=digit)))
        frames.append(("system", random.choice([b"\r\n\r", b"banner\r", b""])))
        frames.append(("system", encode(CheckoutResponse(ok=True, at=AT, item=item), sequence=digit)))

    assert [one.item for one in pass_by(Ear(), *frames)] == items


# --- inside central -------------------------------------------------------------------------------


def library() -> SIP2Server:
    server = SIP2Server(institution_id="main", encoding="utf-8")
    stamp = "20261121    093000"

    @server.route(routes.CHECKOUT)
    def checkout(asked: models.CheckoutRequest, _: object) -> models.CheckoutResponse:
        return models.CheckoutResponse(
            ok="1", renewal_ok="N", magnetic_media="N", desensitize="Y", transaction_date=stamp,
            institution_id="main", patron_identifier=asked.patron_identifier,
            item_identifier=asked.item_identifier, title_identifier="T", due_date=DUE,
        )  # fmt: skip

    @server.route(routes.CHECKIN)
    def checkin(asked: models.CheckinRequest, _: object) -> models.CheckinResponse:
        return models.CheckinResponse(
            ok="1", resensitize="Y", magnetic_media="N", alert="N", transaction_date=stamp,
            institution_id="main", item_identifier=asked.item_identifier, permanent_location="main",
        )  # fmt: skip

    return server


async def test_gates_know_of_a_loan_at_another_makes_kiosk_before_it_reaches_the_door(tmp_path: Path) -> None:
    seed(tmp_path)
    broker = MemoryBroker()
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(library().start())
        sip2 = {"host": "127.0.0.1", "port": port, "proxy": {"listen": "127.0.0.1:0"}, "gate_connections": 0}
        service = await stack.enter_async_context(central_on(broker, tmp_path, authority="sip2", sip2=sip2))
        gate = await stack.enter_async_context(station(broker, "gate-1"))
        beside: Any = service.authority.beside
        await gate.peer.until(lambda: beside.proxy.port)
        kiosk = await Connection.open(Peer("127.0.0.1", beside.proxy.port))

        def words() -> list[str]:
            return [one.s for said in gate.peer.on(topic("changes"), ItemChanges) for one in said.changes]

        await kiosk.request(out("ITEM-0003", no_block_due=AT, institution="main"))
        await gate.peer.until(lambda: words() == ["loan"])
        lent = await ask(gate, "ITEM-0003")
        await kiosk.request(back("ITEM-0003", institution="main", location="main"))
        await gate.peer.until(lambda: words() == ["loan", "available"])
        await kiosk.close()
        numbers = beside.numbers()

    assert lent is True
    assert (numbers["proxy_lent"], numbers["proxy_returned"], numbers["proxy_lost"]) == (1, 1, 0)
