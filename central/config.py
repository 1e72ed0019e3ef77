"""The settings of the central service: one typed TOML file, a sentence for each setting."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from central.ledger.pins import is_sealed
from wire.ids import StationName
from wire.settings import Settings, resolve


def _from_file(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return resolve(folder, value) if folder is not None else value


FilePath = Annotated[Path, AfterValidator(_from_file)]
"""A path; a relative one counts from the folder of the settings file."""


class BrokerSettings(Settings):
    """Where the broker is, and central's certificate."""

    host: str = Field(description="Name or address of the broker, as its certificate says it.")
    port: int = Field(ge=1, le=65535, description="Port of the listener for central, operators, integrators.")
    ca: FilePath = Field(description="PEM file of the authority that signed the broker's certificate.")
    cert: FilePath = Field(description="PEM file of the certificate named `central`.")
    key: FilePath = Field(description="PEM file of the private key that belongs to it.")


class SqliteTelemetry(Settings):
    """Health measurements in one file: for one branch, and to begin with."""

    kind: Literal["sqlite"] = Field("sqlite", description="sqlite: a file of our own, no server.")
    path: FilePath = Field(description="The file; it is made when it is not there.")
    retention_days: int = Field(90, ge=1, description="Days after which measurements are forgotten.")


class InfluxTelemetry(Settings):
    """Health measurements in an InfluxDB, 1.8 or 2.x."""

    kind: Literal["influx"] = Field(description="influx: an InfluxDB server.")
    url: str = Field(description="Address of the server, e.g. http://influx.library.example:8086.")
    org: str = Field("-", description="Organisation (2.x); version 1.8 ignores it.")
    bucket: str = Field(description="Bucket (2.x), or database/policy (1.8).")
    token_file: FilePath = Field(description="File with the token (2.x), or user:password (1.8); mode 0600.")


class AlarmSettings(Settings):
    """When a measurement is an alarm. Each has a value at which it is raised and one at which it is over."""

    outbox_old_s: float = Field(60, gt=0, description="Seconds a fact may wait at a station.")
    outbox_clear_s: float = Field(20, gt=0, description="Seconds below which that alarm is over.")
    paper_low_for_s: float = Field(5, ge=0, description="Seconds a roll must be near its end for an alarm.")
    paper_clear_for_s: float = Field(
        20, ge=0, description="Seconds a roll must not be near its end until that alarm is over."
    )
    station_lost_for_s: float = Field(0, ge=0, description="Seconds a station must be lost for an alarm.")
    device_lost_for_s: float = Field(1, ge=0, description="Seconds a device must be lost for an alarm.")
    gate_alarm_stands_s: float = Field(30, gt=0, description="Seconds the alarm of a gate stands.")


class PinSettings(Settings):
    """How often a wrong PIN may be tried; the patron is told to come back later. Kept in memory alone."""

    tries_by_card: int = Field(5, ge=1, description="Wrong PINs for one card, wherever it is tried.")
    tries_by_station: int = Field(20, ge=1, description="Wrong PINs at one station, whatever the card.")
    within_s: float = Field(900, gt=0, description="Seconds within which they are counted.")


class LogSettings(Settings):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    as_json: bool = Field(False, description="One JSON object a line, for journald and log shippers.")


class Sip2ProxySettings(Settings):
    """The inline proxy between kiosks of other makes and the library's own system."""

    listen: str = Field("127.0.0.1:6001", description="HOST:PORT at which those kiosks find it.")
    ils: str = Field("", description="HOST:PORT to which it passes them on; empty: that of [sip2].")
    cert: FilePath | None = Field(None, description="PEM file of its certificate; without one: no TLS.")
    key: FilePath | None = Field(None, description="PEM file of the private key that belongs to it.")
    tls: bool = Field(False, description="TLS to the library's own system.")
    ca: FilePath | None = Field(None, description="PEM file of the authority that signed its certificate.")
    plain_text_off_loopback: bool = Field(
        False, description="Whether to listen without TLS on another address than loopback: PINs in clear."
    )
    connections: int = Field(256, ge=1, le=10_000, description="Connections that are open at most.")


class Sip2Settings(Settings):
    """The library's own system, asked over SIP2 (authority = "sip2")."""

    host: str = Field(description="Name or address of its SIP2 service.")
    port: int = Field(6001, ge=1, le=65535, description="Port of its SIP2 service.")
    user: str = Field("", description="User of the login (93); empty where it wants none.")
    password_file: FilePath | None = Field(
        None, description="File with the password of the login; mode 0600."
    )
    location: str = Field("", description="Location of the login (CP).")
    institution: str = Field("", description="Institution (AO) of every message.")
    terminal_password_file: FilePath | None = Field(
        None, description="File with the terminal password (AC), where it wants one."
    )
    encoding: Literal["utf-8", "iso-8859-1", "cp850"] = Field("utf-8", description="Its encoding of text.")
    checksum: bool = Field(True, description="Whether messages carry sequence and checksum (AY, AZ).")
    prompts: bool = Field(False, description="Whether it asks login: and password: before SIP2 begins.")
    tls: bool = Field(False, description="TLS to it; without it only on loopback or inside a tunnel.")
    ca: FilePath | None = Field(None, description="PEM file of the authority that signed its certificate.")
    timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds it has for an answer.")
    connections: int = Field(4, ge=1, le=64, description="Connections that are open at most.")
    gate_connections: int = Field(
        4, ge=0, le=64, description="Connections for gates, which ask before they sound; 0: they do not."
    )
    zone: str = Field("UTC", description="Its time zone, e.g. Europe/Berlin: SIP2 tells local times.")
    proxy: Sip2ProxySettings | None = Field(
        None, description="Kiosks of other makes pass through here to it; without it nothing listens."
    )


Sip2Request = Literal["01", "09", "11", "15", "17", "19", "23", "25", "29", "35", "37", "63", "65"]
"""Requests of SIP2 that an account may be bound to; 93, 97 and 99 are everybody's."""


class Sip2Account(Settings):
    """One terminal that speaks SIP2."""

    user: str = Field("", max_length=64, description="Its login (CN); empty: those who log in with nothing.")
    secret: str = Field(
        "", repr=False, description="Hash of its password (CO), made by `turnleaf sip2 password`."
    )
    branch: StationName = Field(description="Branch where it stands: its rules, calendar and time zone.")
    location: str = Field("", description="Its place, told in 98 (AN); empty: as it says itself (CP).")
    institution: str = Field("", description="Institution (AO) of answers; empty: as the terminal says it.")
    profile: str = Field("default", description="Make of the terminal: a name, or the path of a .toml file.")
    addresses: tuple[str, ...] = Field(
        (), description="Networks or addresses it may come from; none named: any."
    )
    messages: tuple[Sip2Request, ...] = Field(
        (), description="Requests it may make, like 23 and 63 for a login page; none named: all."
    )

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        """Refuse what would never work, or would let in anybody."""
        if self.user and not is_sealed(self.secret):
            raise ValueError("secret is no hash; make one with `turnleaf sip2 password`")
        if not self.user and not self.addresses:
            raise ValueError("an account without a login names its addresses")
        for one in self.addresses:
            ip_network(one, strict=False)
        if self.profile.endswith(".toml"):
            folder = (info.context or {}).get("folder")
            path = Path(self.profile) if folder is None else resolve(folder, Path(self.profile))
            object.__setattr__(self, "profile", str(path))
        return self


class Sip2ServerSettings(Settings):
    """Terminals of other makes, which speak SIP2 with this service."""

    host: str = Field("127.0.0.1", description="Address on which it listens.")
    port: int = Field(6001, ge=0, le=65535, description="Port on which it listens; 0: any free one.")
    accounts: tuple[Sip2Account, ...] = Field(
        (), description="Who may come; [[sip2_server.accounts]] in TOML."
    )
    accounts_file: FilePath | None = Field(
        None, description="A TOML file with more [[accounts]], mode 0600; they need not stand here."
    )
    cert: FilePath | None = Field(None, description="PEM file of its certificate; without one: no TLS.")
    key: FilePath | None = Field(None, description="PEM file of the private key that belongs to it.")
    client_ca: FilePath | None = Field(
        None, description="PEM file of who signs the terminals' certificates; set: each must have one."
    )
    plain_text_off_loopback: bool = Field(
        False, description="Whether to listen without TLS on another address than loopback: PINs in clear."
    )
    connections: int = Field(500, ge=1, le=20_000, description="Connections that are open at most.")
    connections_per_address: int = Field(250, ge=1, description="Connections of one address at most.")
    longest: int = Field(8192, ge=512, le=65_536, description="Bytes of the longest message that is taken.")
    idle_s: float = Field(900.0, gt=0, description="Seconds without a message after which it hangs up.")
    login_s: float = Field(30.0, gt=0, description="Seconds within which a terminal must log in.")
    logins_wrong: int = Field(
        10, ge=1, description="Wrong logins of one name; twice as many from one address."
    )
    within_s: float = Field(900.0, gt=0, description="Seconds within which wrong logins are counted.")
    answer_s: float = Field(
        10.0, ge=1, le=99, description="Seconds that terminals are told to wait for an answer (98)."
    )
    retries: int = Field(3, ge=0, le=999, description="How often they are told to try again (98).")

    @model_validator(mode="after")
    def _whole_pair(self) -> Self:
        """Refuse half a certificate, and a client authority without one."""
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together")
        if self.client_ca is not None and self.cert is None:
            raise ValueError("client_ca needs cert and key: it is part of TLS")
        return self


class CentralSettings(Settings):
    """The central service."""

    ledger: str = Field(description="URL of the ledger, e.g. sqlite:////var/lib/turnleaf/ledger.db.")
    authority: str = Field(
        "own",
        description="Who decides about loans: own (the ledger and its policy) or sip2 (see [sip2]).",
    )
    sip2: Sip2Settings | None = Field(None, description="The library's own system; for authority = sip2.")
    sip2_server: Sip2ServerSettings | None = Field(
        None, description="Kiosks of other makes, which speak SIP2 with us; without it nothing listens."
    )
    policy: FilePath = Field(description="TOML file with loan periods, limits and renewals.")
    items_key: FilePath = Field(description="Key of the item hashes, made by `turnleaf broker init`.")
    spool: FilePath = Field(description="Folder in which measurements wait while the store is away.")
    broker: BrokerSettings = Field(description="The broker and central's certificate.")
    telemetry: SqliteTelemetry | InfluxTelemetry = Field(
        discriminator="kind", description="Where measurements are kept."
    )
    alarms: AlarmSettings = Field(AlarmSettings(), description="When a measurement is an alarm.")
    pin: PinSettings = Field(PinSettings(), description="How often a wrong PIN may be tried.")
    operators: dict[StationName, Literal["operate", "look"]] = Field(
        default_factory=dict,
        description="Who may do what by request: operate (acknowledge, command, retry) or look (read).",
    )
    log: LogSettings = Field(LogSettings(), description="What is logged.")
    status_s: int = Field(30, ge=1, le=3600, description="Seconds between two words of central's presence.")
