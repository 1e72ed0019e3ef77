"""The installation's own CA: one certificate per identity, its common name the name on MQTT.

Layout of a broker folder:
    ca/          ca.pem, ca.key (never leaves), crl.pem, items.key, identities.json (who was enrolled)
    server/      cert.pem, key.pem
    identities/  <name>/ca.pem, cert.pem, key.pem, and items.key for stations and central: a folder to copy

The CRL is valid as long as the CA: it lies beside its broker, and a short life would only mean that a
forgotten renewal closes the library. Not for: a public PKI; no OCSP, no intermediate CAs.
"""

import ipaddress
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker_config import registry
from broker_config.files import private_folder, write_private
from broker_config.registry import Identity, Registry, no_broker_folder
from broker_config.roles import CENTRAL, EVERY_BRANCH, ROLES, Role
from wire.clock import Clock, SystemClock
from wire.errors import ConfigError
from wire.ids import is_station_name

CA_LIFE = timedelta(days=3650)
LIFE = timedelta(days=730)
SKEW = timedelta(hours=1)
"""Certificates begin an hour early: a station's clock may be late when it first connects."""
_HOST = re.compile(r"[A-Za-z0-9_*]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
"""A name of DNS, loosely: what certainly is none is refused."""


def init(folder: Path, hosts: Sequence[str], *, clock: Clock | None = None) -> None:
    """Make the CA, the server's certificate for `hosts` (and the loopback) and the CRL.

    Raises ConfigError when `folder` holds a CA already: a new one would lock every station out.
    """
    now = (clock or SystemClock()).now()
    for host in hosts:
        _general_name(host)  # nothing is made when one of them is none
    if (folder / "ca" / "ca.key").exists():
        raise ConfigError(
            f"{folder}: has a CA already",
            why="A second CA would lock out every station that was enrolled.",
            do="Use another folder, or enrol into this one.",
        )
    for name in ("", "ca", "server", "identities", "data"):
        private_folder(folder / name)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Turnleaf CA {secrets.token_hex(4)}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(folder / "ca" / "ca.key", _key_pem(key))
    write_private(folder / "ca" / "ca.pem", _pem(certificate), 0o644)
    write_private(folder / "ca" / "items.key", secrets.token_hex(32).encode() + b"\n")
    Registry().save(folder)
    renew_server(folder, hosts, clock=clock)
    write_crl(folder, clock=clock)


def renew_server(folder: Path, hosts: Sequence[str] = (), *, clock: Clock | None = None) -> None:
    """Make a new certificate for the broker; without `hosts` for the names of the old one."""
    now = (clock or SystemClock()).now()
    old = folder / "server" / "cert.pem"
    if hosts or not old.exists():
        wanted = list(dict.fromkeys([*hosts, "localhost", "127.0.0.1", "::1"]))
        names = x509.SubjectAlternativeName([_general_name(host) for host in wanted])
    else:
        names = (
            x509.load_pem_x509_certificate(old.read_bytes())
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(folder, "broker", key, now, now + LIFE, ExtendedKeyUsageOID.SERVER_AUTH)
    certificate = builder.add_extension(names, critical=False).sign(_ca_key(folder), hashes.SHA256())
    write_private(folder / "server" / "key.pem", _key_pem(key))
    write_private(folder / "server" / "cert.pem", _pem(certificate), 0o644)


def enrol(
    folder: Path,
    name: str,
    role: Role = "station",
    *,
    scope: Sequence[str] = (EVERY_BRANCH,),
    renew: bool = False,
    clock: Clock | None = None,
) -> Path:
    """Make the certificate of `name` and return its folder, which is copied to where it is used.

    `scope` names the branches whose public topics an operator or viewer may read. Raises ConfigError
    for a name that cannot be a topic level, is taken, or is `central` in another role.
    """
    now = (clock or SystemClock()).now()
    _check_enrolment(folder, name, role, scope, renew=renew)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(folder, name, key, now, now + LIFE, ExtendedKeyUsageOID.CLIENT_AUTH)
    certificate = builder.sign(_ca_key(folder), hashes.SHA256())
    home = private_folder(folder / "identities" / name)
    write_private(home / "key.pem", _key_pem(key))
    write_private(home / "cert.pem", _pem(certificate), 0o644)
    write_private(home / "ca.pem", (folder / "ca" / "ca.pem").read_bytes(), 0o644)
    if role in ("station", "central"):
        write_private(home / "items.key", (folder / "ca" / "items.key").read_bytes())
    identity = Identity(
        name=name,
        role=role,
        scope=tuple(scope) if role in ("operator", "viewer") else (),
        serial=f"{certificate.serial_number:x}",
        not_after=certificate.not_valid_after_utc,
    )
    registry.load(folder).holding(identity).save(folder)
    return home


def revoke(folder: Path, name: str, *, clock: Clock | None = None) -> Identity:
    """Put the certificate of `name` on the CRL; the broker must read it anew (`supervise.reload`)."""
    now = (clock or SystemClock()).now()
    known = registry.load(folder)
    found = known.identities.get(name)
    if found is None:
        enrolled = ", ".join(known.identities) or "none"
        raise ConfigError(f"{name}: not enrolled here", do=f"Enrolled are: {enrolled}.")
    found = found.model_copy(update={"revoked": found.revoked or now})
    revoked = {**known.revoked, found.serial: found.revoked}
    known.holding(found).model_copy(update={"revoked": revoked}).save(folder)
    write_crl(folder, clock=clock)
    return found


def write_crl(folder: Path, *, clock: Clock | None = None) -> None:
    """Write ca/crl.pem from what was revoked."""
    now = (clock or SystemClock()).now()
    ca = _ca_certificate(folder)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(now - SKEW)
        .next_update(ca.not_valid_after_utc)
    )
    for serial, when in registry.load(folder).revoked.items():
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(when).build()
        )
    crl = builder.sign(_ca_key(folder), hashes.SHA256())
    write_private(folder / "ca" / "crl.pem", crl.public_bytes(serialization.Encoding.PEM), 0o644)


def temporary_identity(folder: Path, name: str, into: Path, *, clock: Clock | None = None) -> Path:
    """Make a certificate for `name` that is valid for ten minutes, in `into`; nothing is written here.

    For `broker check`, which proves the broker's rules without any station's key.
    """
    now = (clock or SystemClock()).now()
    key = ec.generate_private_key(ec.SECP256R1())
    until = now + timedelta(minutes=10)
    builder = _builder(folder, name, key, now, until, ExtendedKeyUsageOID.CLIENT_AUTH)
    home = private_folder(into / name)
    write_private(home / "key.pem", _key_pem(key))
    write_private(home / "cert.pem", _pem(builder.sign(_ca_key(folder), hashes.SHA256())))
    write_private(home / "ca.pem", (folder / "ca" / "ca.pem").read_bytes())
    return home


def _check_name(name: str) -> None:
    if not is_station_name(name) or name == "broker":
        raise ConfigError(
            f"{name!r} cannot be a name",
            why="It is a level of every topic of this identity, and the certificate's name.",
            do="Use a-z, 0-9 and hyphens, at most 63 characters, not `broker`.",
        )


def _check_enrolment(folder: Path, name: str, role: Role, scope: Sequence[str], *, renew: bool) -> None:
    _check_name(name)
    if role not in ROLES:
        raise ConfigError(f"{role!r} is no role", do=f"Roles are {', '.join(ROLES)}.")
    if (name == CENTRAL) != (role == "central"):
        raise ConfigError(f"{name} as {role}: the name `central` and the role go together")
    if any(branch != EVERY_BRANCH and not is_station_name(branch) for branch in scope):
        raise ConfigError(f"{', '.join(scope)}: a scope is branch names, or * for every branch")
    known = registry.load(folder).identities.get(name)
    if known is not None and known.role != role:
        raise ConfigError(f"{name}: enrolled as {known.role} before", do="Choose another name.")
    if known is not None and known.revoked is None and not renew:
        raise ConfigError(
            f"{name}: enrolled already",
            why="Two stations of one name throw each other off the broker.",
            do=f"Copy identities/{name}, or renew it: `turnleaf broker renew {name}`.",
        )


def _builder(
    folder: Path,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime,
    purpose: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    ca = _ca_certificate(folder)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(min(until, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(_ec(ca.public_key())), critical=False
        )
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise ConfigError(
            f"{host!r} is no name of a host and no address",
            why="Stations compare it with the name that they connect to.",
            do="Give the name or address alone, e.g. broker.library.example: no port, no slash, no space.",
        )
    return x509.DNSName(host)


def _ec(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigError("the CA's key is no elliptic curve key", do="Use a CA that this command made.")
    return key


def _ca_certificate(folder: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate((folder / "ca" / "ca.pem").read_bytes())
    except (OSError, ValueError) as error:
        raise no_broker_folder(folder, "ca/ca.pem") from error


def _ca_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key((folder / "ca" / "ca.key").read_bytes(), None)
    except (OSError, ValueError) as error:
        raise no_broker_folder(folder, "ca/ca.key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise no_broker_folder(folder, "ca/ca.key")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
