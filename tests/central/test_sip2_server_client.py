"""A client that others wrote (Sip2, from the package index) goes through every message, checksums on."""

import asyncio
import contextlib
import io
from pathlib import Path
from typing import Any

from Sip2.sip2 import Sip2
from sip2_server_kit import SECRET, library

READ_BY = {"block_patron": "patron_status"}
"""Requests whose answer is another message's."""


class Client:
    """That client, in a thread: it waits for each answer."""

    def __init__(self, port: int, log: Path) -> None:
        self.sip = Sip2()
        self.sip.hostName, self.sip.hostPort = "127.0.0.1", port
        self.sip.tlsEnable = False
        self.sip.withCrc = True
        self.sip.institutionId, self.sip.scLocation = "harbour", "door"
        self.sip.language = "001"
        self.sip.patron, self.sip.patronpwd = "CARD4711", "8642"
        self.sip.logfile_path = str(log)
        self.sip.loglevel = "ERROR"

    async def say(self, name: str, *given: Any) -> dict[str, Any]:
        """Ask, and return what it read of the answer."""

        def ask() -> dict[str, Any]:
            message = getattr(self.sip, f"sip_{name}_request")(*given)
            read = getattr(self.sip, f"sip_{READ_BY.get(name, name)}_response")
            found: dict[str, Any] = read(self.sip.get_response(message))
            return found

        return await asyncio.to_thread(ask)


@contextlib.asynccontextmanager
async def connected(port: int, folder: Path) -> Any:
    client = Client(port, folder)
    with contextlib.redirect_stdout(io.StringIO()):
        await asyncio.to_thread(client.sip.connect)
        try:
            yield client
        finally:
            client.sip.disconnect()
            for handler in list(client.sip.log.handlers):
                client.sip.log.removeHandler(handler)
                handler.close()
            del client


def fixed(found: dict[str, Any], name: str) -> str:
    return str(found["fixed"][name])


def first(found: dict[str, Any], key: str) -> str:
    return str(found["variable"][key][0])


async def test_that_client_goes_through_every_message(tmp_path: Path) -> None:
    async with library(tmp_path) as here, connected(here.port, tmp_path) as one:
        assert fixed(await one.say("login", "selfcheck-1", SECRET), "Ok") == "1"
        status = await one.say("sc_status")
        assert (fixed(status, "OnlineStatus"), first(status, "BX")) == ("Y", "Y" * 16)
        assert first(await one.say("patron_status"), "BL") == "Y"
        account = await one.say("patron_information", "charged")
        assert (first(account, "CQ"), fixed(account, "ChargedItemsCount").strip()) == ("Y", "0000")

        lent = await one.say("checkout", "ITEM-0001")
        assert (fixed(lent, "Ok"), first(lent, "AB"), first(lent, "AJ")) == ("1", "ITEM-0001", "The Title 1")
        account = await one.say("patron_information", "charged")
        assert account["variable"]["AU"] == ["ITEM-0001"]
        assert fixed(await one.say("renew", "ITEM-0001"), "Ok") == "1"
        assert fixed(await one.say("renew_all"), "Ok") == "1"
        assert fixed(await one.say("item_information", "ITEM-0001"), "CirculationStatus") == "04"
        back = await one.say("checkin", "ITEM-0001")
        assert (fixed(back, "Ok"), first(back, "AB")) == ("1", "ITEM-0001")

        assert fixed(await one.say("item_status_update", "ITEM-0001", "worn"), "ItemPropertiesOk") == "1"
        placed = await one.say("hold", "+", "", 3, "ITEM-0002")
        assert (fixed(placed, "Ok"), first(placed, "AB")) == ("1", "ITEM-0002")
        assert fixed(await one.say("hold", "-", "", 3, "ITEM-0002"), "Ok") == "1"
        paid = await one.say("fee_paid", 4, 0, "1.00")
        assert (fixed(paid, "PaymentAccepted"), first(paid, "AF")) == ("N", "There is nothing to pay.")
        blocked = await one.say("block_patron", "seen with two cards")
        assert (fixed(blocked, "PatronStatus")[:4], first(blocked, "AA")) == ("YYYY", "CARD4711")
        assert fixed(await one.say("patron_enable"), "PatronStatus").strip() == ""
        assert fixed(await one.say("end_patron_session"), "EndSession") == "Y"
