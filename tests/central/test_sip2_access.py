"""Who may come in to the SIP2 server, and who can overhear it: accounts, addresses, floods of logins, TLS."""

import asyncio
import os
import ssl
import subprocess
from pathlib import Path

import pytest
from sip2_server_kit import AT, POLICY, SECRET, account, framed, library, terminal, told

from central.pin_tries import PinTries
from central.sip2.accounts import Accounts
from central.sip2.codec import Frame, decode
from central.sip2.serve import accounts_of, serve, tls_of
from wire.clock import SystemClock
from wire.errors import ConfigError, LinkError

ASK_63 = f"63001{AT}          AOharbour|AACARD4711|AC|"


# --- the way in


async def test_only_who_has_an_account_comes_in(tmp_path: Path) -> None:
    async with library(tmp_path) as here:
        async with terminal(here.port, None) as one:
            for user, secret in (("selfcheck-1", "wrong"), ("nobody", SECRET), ("", "")):
                said = await one.say(f"9300CN{user}|CO{secret}|")
                assert not said.ok
            assert await one.gone()
        async with terminal(here.port) as one:
            assert (await one.say(ASK_63)).valid


async def test_an_account_may_be_bound_to_addresses_and_need_no_login(tmp_path: Path) -> None:
    away = account("selfcheck-2", addresses=["192.0.2.0/24"])
    open_ = {"branch": "main", "addresses": ["127.0.0.0/8"], "profile": "koha"}
    async with library(tmp_path, accounts=[away, open_]) as here, terminal(here.port, None) as one:
        assert (await one.say(ASK_63)).valid
        assert not (await one.say(f"9300CNselfcheck-2|CO{SECRET}|")).ok


async def test_a_flood_of_logins_is_not_even_compared_and_the_right_one_still_comes(tmp_path: Path) -> None:
    async with library(tmp_path, logins_wrong=3) as here:
        async with terminal(here.port):
            pass
        for _ in range(4):
            async with terminal(here.port, None) as one:
                for n in range(3):
                    assert not (await one.say(f"9300CNselfcheck-{n}|COwrong{n}|")).ok
        async with terminal(here.port) as one:  # its secret was right before: no flood shuts it out
            assert (await one.say(ASK_63)).valid
        async with terminal(here.port, None) as one:
            assert not (await one.say(f"9300CNselfcheck-2|CO{SECRET}|")).ok


# --- TLS and addresses


def pair(folder: Path, name: str, ca: str | None = None) -> tuple[Path, Path]:
    """Make a key and a certificate, signed by itself or by another."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    signed = [] if ca is None else ["-CA", str(folder / f"{ca}.pem"), "-CAkey", str(folder / f"{ca}.key")]
    alternative = [] if ca is None else ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}", *signed, *alternative],
        check=True, capture_output=True, env={**os.environ, "RANDFILE": str(folder / "rnd")},
    )  # fmt: skip
    return cert, key


async def test_with_tls_a_terminal_needs_its_certificate(tmp_path: Path) -> None:
    ca, _ = pair(tmp_path, "ca")
    cert, key = pair(tmp_path, "localhost", "ca")
    mine, my_key = pair(tmp_path, "terminal", "ca")
    trusting = ssl.create_default_context(cafile=str(ca))
    bare = ssl.create_default_context(cafile=str(ca))
    trusting.load_cert_chain(mine, my_key)
    async with library(tmp_path, cert=cert, key=key, client_ca=ca) as here:
        async with terminal(here.port, tls=trusting) as one:
            assert (await one.say(ASK_63)).valid
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            async with terminal(here.port, tls=bare):
                pass
        async with terminal(here.port, None) as one:
            await one.send(framed("9900802.00", 1))
            assert await one.gone()


def test_without_tls_it_listens_on_loopback_alone_unless_told_otherwise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        assert tls_of(told(tmp_path, host=host)) is None
    for host in ("0.0.0.0", "::", "192.0.2.1", "kiosk.library.example"):
        with pytest.raises(ConfigError, match="without TLS"):
            tls_of(told(tmp_path, host=host))
    assert caplog.text == ""
    assert tls_of(told(tmp_path, host="192.0.2.1", plain_text_off_loopback=True)) is None
    assert "can be overheard" in caplog.text


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async with library(tmp_path) as here:
        with pytest.raises(LinkError, match="cannot listen"):
            await serve(
                told(tmp_path, port=here.port), here.ledger, here.desk, POLICY, SystemClock(), PinTries()
            )


def test_accounts_that_cannot_work_are_refused(tmp_path: Path) -> None:
    for wrong, said in (
        ({"profile": "no-such-make"}, "no SIP2 profile"),
        ({"accounts": []}, "no accounts"),
    ):
        asked = wrong if "accounts" in wrong else {"accounts": [account(**wrong)]}
        with pytest.raises(ConfigError, match=said):
            accounts_of(told(tmp_path, **asked))
    with pytest.raises(ConfigError, match="twice"):
        Accounts(accounts_of(told(tmp_path, accounts=[account(), account()])), now=SystemClock().mono)
    for nonsense in ({"secret": "in clear"}, {"user": ""}, {"addresses": ["nowhere"]}):
        with pytest.raises(ValueError, match="sip2_server"):
            told(tmp_path, accounts=[account() | nonsense])


async def test_an_accounts_file_adds_to_the_settings(tmp_path: Path) -> None:
    one = account("selfcheck-7")
    file = tmp_path / "accounts.toml"
    file.write_text("[[accounts]]\n" + "".join(f'{name} = "{value}"\n' for name, value in one.items()))
    file.chmod(0o600)
    async with (
        library(tmp_path, accounts=[], accounts_file=file) as here,
        terminal(here.port, "selfcheck-7") as who,
    ):
        found = decode(await who.exchange(framed(ASK_63, 1)))

    assert isinstance(found, Frame)
