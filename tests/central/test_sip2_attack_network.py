"""Strangers on the network who want terminals of the library to stand still."""

import asyncio
import socket
from pathlib import Path

from sip2_server_kit import SECRET, account, framed, library, terminal

from central.pin_tries import TryLimits
from central.sip2.accounts import Account, Accounts, network


def test_a_stranger_elsewhere_cannot_lock_a_terminal_out() -> None:
    known = Account("sc", "main", networks=(network("10.20.0.0/16"),))
    accounts = Accounts([known], tries=TryLimits(3, 6), now=lambda: 0)
    for _ in range(20):
        accounts.tried("sc", "192.0.2.1", right=False)
    assert accounts.wait_s("sc", "192.0.2.1") > 0
    assert accounts.wait_s("sc", "10.20.3.4") == 0
    for _ in range(3):
        accounts.tried("sc", "10.20.3.4", right=False)
    assert accounts.wait_s("sc", "10.20.3.5") > 0


async def test_one_that_never_reads_does_not_keep_its_place(tmp_path: Path) -> None:
    told = {"accounts": [account()], "connections": 1, "idle_s": 1.0}
    async with library(tmp_path, **told) as here:
        loop = asyncio.get_running_loop()
        with socket.socket() as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            rude.setblocking(False)
            await loop.sock_connect(rude, ("127.0.0.1", here.port))
            await loop.sock_sendall(rude, framed(f"9300CNselfcheck-1|CO{SECRET}|", 1))
            flood = framed("17" + " " * 18 + "AOx|AB" + "x" * 7000 + "|", None)
            try:
                async with asyncio.timeout(5):
                    while True:
                        await loop.sock_sendall(rude, flood)
            except (TimeoutError, OSError):
                pass
            async with asyncio.timeout(30):
                while True:
                    try:
                        async with terminal(here.port):
                            break
                    except (OSError, EOFError):
                        await asyncio.sleep(0.2)
