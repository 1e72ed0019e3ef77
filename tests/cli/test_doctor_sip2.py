"""The doctor says whether terminals that speak SIP2 can be overheard."""

from pathlib import Path
from typing import Any

import pytest

from turnleaf import doctor
from wire.clock import SystemClock


@pytest.mark.parametrize(
    ("lines", "ok", "seen"),
    [
        ("", True, "heard by this machine alone"),
        ('host = "::1"', True, "heard by this machine alone"),
        ('host = "0.0.0.0"', False, "does not start"),
        ('host = "0.0.0.0"\nplain_text_off_loopback = true', False, "can be overheard"),
        ('host = "0.0.0.0"\ncert = "c.pem"\nkey = "k.pem"', True, "TLS"),
    ],
)
def test_plain_text_off_loopback_stays_a_finding(tmp_path: Path, lines: str, ok: bool, seen: str) -> None:
    file = tmp_path / "central.toml"
    file.write_text(f"[sip2_server]\n{lines}\n")

    found: list[Any] = [
        one for one in doctor.examine(doctor.Patient(configs=(file,)), SystemClock()) if "SIP2" in one.what
    ]

    assert [one.ok for one in found] == [ok]
    assert seen in found[0].seen
