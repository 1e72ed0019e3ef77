"""Certificates: who gets one, for how long, and what lies where."""

import json
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from broker_config import pki, registry
from wire.clock import FakeClock
from wire.errors import ConfigError

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.init(tmp_path / "broker", ["library.example", "10.0.0.5"], clock=FakeClock(NOW))
    return tmp_path / "broker"


def test_keys_and_folders_are_for_their_owner_alone(folder: Path):
    pki.enrol(folder, "kiosk-1")
    secret = [path for path in folder.rglob("*") if path.suffix == ".key" or path.name == "key.pem"]

    assert len(secret) == 5  # the CA's, the server's, the station's, and twice the items' key
    assert [path for path in secret if path.stat().st_mode & 0o077] == []
    assert [path for path in folder.rglob("*") if path.is_dir() and path.stat().st_mode & 0o077] == []
    assert stat.S_IMODE((folder / "ca" / "identities.json").stat().st_mode) == 0o600


def test_the_servers_certificate_names_its_hosts_and_the_loopback(folder: Path):
    found = x509.load_pem_x509_certificate((folder / "server" / "cert.pem").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["library.example", "localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.5", "127.0.0.1", "::1"]
    before = found.public_key()
    pki.renew_server(folder)
    after = x509.load_pem_x509_certificate((folder / "server" / "cert.pem").read_bytes())
    assert after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert after.public_key() != before


def test_a_station_gets_the_installations_key_of_items_and_an_operator_does_not(folder: Path):
    one, two = pki.enrol(folder, "gate-1"), pki.enrol(folder, "central", "central")
    ada = pki.enrol(folder, "ada", "operator")

    assert (one / "items.key").read_text() == (two / "items.key").read_text()
    assert len(bytes.fromhex((one / "items.key").read_text())) == 32
    assert not (ada / "items.key").exists()


def test_a_renewed_certificate_keeps_name_and_role_and_is_another(folder: Path):
    clock = FakeClock(NOW)
    home = pki.enrol(folder, "ada", "operator", scope=["north"], clock=clock)
    old = x509.load_pem_x509_certificate((home / "cert.pem").read_bytes())
    clock.advance(timedelta(days=700).total_seconds())
    pki.enrol(folder, "ada", "operator", scope=["north"], renew=True, clock=clock)
    new = x509.load_pem_x509_certificate((home / "cert.pem").read_bytes())

    assert (old.subject, old.not_valid_after_utc) == (
        new.subject,
        new.not_valid_after_utc - timedelta(days=700),
    )
    assert registry.load(folder).identities["ada"].scope == ("north",)
    ssl.create_default_context().load_cert_chain(home / "cert.pem", home / "key.pem")


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("Kiosk 1", "station", "cannot be a name"),
        ("a/b", "station", "cannot be a name"),
        ("+", "station", "cannot be a name"),
        ("broker", "station", "cannot be a name"),
        ("central", "station", "go together"),
        ("other", "central", "go together"),
        ("kiosk-1", "station", "enrolled already"),
        ("kiosk-1", "operator", "enrolled as station"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_its_mend(folder: Path, name: str, role, said: str):
    pki.enrol(folder, "kiosk-1")
    with pytest.raises(ConfigError, match=said):
        pki.enrol(folder, name, role)


def test_a_second_ca_is_refused(folder: Path):
    before = (folder / "ca" / "ca.pem").read_bytes()
    with pytest.raises(ConfigError, match="has a CA already"):
        pki.init(folder, [])

    assert (folder / "ca" / "ca.pem").read_bytes() == before


def test_what_was_revoked_stays_revoked_and_the_name_can_be_enrolled_anew(folder: Path):
    clock = FakeClock(NOW)
    pki.enrol(folder, "kiosk-1", clock=clock)
    first = pki.revoke(folder, "kiosk-1", clock=clock)
    pki.enrol(folder, "kiosk-1", clock=clock)
    second = pki.revoke(folder, "kiosk-1", clock=clock)
    crl = x509.load_pem_x509_crl((folder / "ca" / "crl.pem").read_bytes())

    assert {int(first.serial, 16), int(second.serial, 16)} == {entry.serial_number for entry in crl}
    ca = x509.load_pem_x509_certificate((folder / "ca" / "ca.pem").read_bytes())
    assert crl.next_update_utc == ca.not_valid_after_utc
    assert crl.is_signature_valid(ca.public_key())
    with pytest.raises(ConfigError, match="not enrolled"):
        pki.revoke(folder, "kiosk-9")


def test_a_folder_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"identities\.json"):
        pki.enrol(tmp_path, "kiosk-1")


def test_a_damaged_registry_is_named_and_not_overwritten(folder: Path):
    path = folder / "ca" / "identities.json"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ConfigError, match="damaged"):
        pki.enrol(folder, "kiosk-1")
    with pytest.raises(json.JSONDecodeError):
        json.loads(path.read_text())


@given(st.text(max_size=70))
def test_no_name_that_is_enrolled_can_leave_its_topic_level_or_folder(name: str):
    try:
        pki._check_name(name)
    except ConfigError:
        return

    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 1 <= len(name) <= 63
