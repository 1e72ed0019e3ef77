"""The doctor on the inline proxy: whether the cards and PINs that pass can be overheard."""

from pathlib import Path
from typing import Any

import pytest

from turnleaf import doctor_sip2

PATH = Path("central.toml")


@pytest.mark.parametrize(
    ("proxy", "ok", "seen"),
    [
        ({}, True, "this machine alone"),
        ({"listen": "[::1]:6001"}, True, "this machine alone"),
        ({"listen": "0.0.0.0:6001"}, False, "does not start"),
        ({"listen": "0.0.0.0:6001", "plain_text_off_loopback": True}, False, "can be overheard"),
        ({"listen": "0.0.0.0:6001", "cert": "c.pem", "key": "k.pem"}, True, "TLS"),
    ],
)
def test_the_doctor_says_who_can_overhear_the_proxy(proxy: dict[str, Any], ok: bool, seen: str) -> None:
    (found,) = doctor_sip2.proxy(PATH, {"sip2": {"host": "ils", "proxy": proxy}})

    assert found.ok is ok
    assert seen in found.seen
    assert ok or "sip2.proxy.cert" in (found.do or "")


@pytest.mark.parametrize("settings", [{}, {"sip2": {"host": "ils"}}, {"sip2": "wrong"}])
def test_without_a_proxy_the_doctor_says_nothing_of_one(settings: dict[str, Any]) -> None:
    assert list(doctor_sip2.proxy(PATH, settings)) == []
