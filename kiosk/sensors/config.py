"""The settings of a sensors station: where foreign sensors speak, and what of it means what."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from firmware_bridge.sensors.mapping import InRegisters, InTopic, Rule, naming
from firmware_bridge.sensors.modbus import ModbusDevice
from firmware_bridge.sensors.mqtt import ForeignBroker
from firmware_bridge.sensors.paths import parse_path
from firmware_bridge.sensors.registers import ADDRESSES, RegisterType, Span, Table, WordOrder, spans, width
from firmware_bridge.sensors.units import STATES, Conversion, Measure
from kiosk.config_devices import FilePath, Port
from kiosk.config_station import StationSettings
from wire.errors import ConfigError
from wire.settings import Settings

PartName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]


class ForeignMqttSettings(Settings):
    """The broker that sensors already speak to. Not Turnleaf's own."""

    host: str = Field(description="Name or address of the foreign broker.")
    port: Port = Field(1883, description="Its port; 1883 is plain, 8883 is TLS by custom.")
    topics: tuple[str, ...] = Field(
        ("#",), min_length=1, description="Topic filters to listen to; keep out what is no sensor's."
    )
    username: str = Field("", description="User name there; empty goes without.")
    password_file: FilePath | None = Field(None, description="File with the password, readable by us alone.")
    ca: FilePath | None = Field(
        None, description="PEM file of the authority of its certificate; without it the connection is plain."
    )


class SpanSettings(Settings):
    """Registers of a Modbus device that are read at once, mapped or not."""

    table: Table = Field(description="Which of the four tables of Modbus.")
    address: int = Field(ge=0, lt=ADDRESSES, description="First address, counted from 0.")
    count: int = Field(1, ge=1, le=2000, description="How many: 125 registers or 2000 bits at most.")

    @model_validator(mode="after")
    def _fits(self) -> "SpanSettings":
        span = Span(self.table, self.address, self.count)
        if span.count > span.most or span.address + span.count > ADDRESSES:
            raise ValueError(f"one read of {self.table} has at most {span.most} addresses below {ADDRESSES}")
        return self


class ModbusSettings(Settings):
    """A device that speaks Modbus/TCP."""

    name: PartName = Field(description="How mappings and parts call it, e.g. meter.")
    host: str = Field(description="Name or address of the device or its gateway.")
    port: Port = Field(502, description="Its TCP port.")
    unit: int = Field(1, ge=0, le=255, description="Unit identifier: the address behind a gateway.")
    every_s: float = Field(30.0, ge=0.1, le=3600, description="Seconds between two reads.")
    timeout_s: float = Field(3.0, gt=0, le=30, description="Seconds it has for an answer.")
    read: tuple[SpanSettings, ...] = Field(
        (),
        description="What is read even when nothing is mapped there yet; mapped registers are read anyway.",
    )


class MapSettings(Settings):
    """One value of one sensor."""

    part: PartName = Field(description="The part of this station that it is, e.g. reading-room.")
    place: str = Field("", max_length=60, description="Where it stands, in words for staff.")
    measure: Measure = Field(description="What is measured; it names the value and its unit on the wire.")
    unit: str | None = Field(
        None, description="Unit in which the sensor speaks, e.g. F; without it the unit of the wire."
    )
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] | None = Field(
        None,
        description="Name on the wire, ending in its unit; needed for other, and for two of one measure.",
    )
    topic: str | None = Field(
        None, min_length=1, max_length=512, description="MQTT topic, without wildcards."
    )
    path: str = Field("", description="Where in a JSON payload, e.g. ENERGY.Power; empty for a plain value.")
    device: PartName | None = Field(None, description="Name of the Modbus device, instead of a topic.")
    table: Table = Field("input", description="Table of the register.")
    address: int | None = Field(
        None, ge=0, lt=ADDRESSES, description="Address of its first register, from 0."
    )
    type: RegisterType = Field("uint16", description="Type of the number.")
    order: WordOrder = Field("ABCD", description="Order of the bytes of a number in several registers.")
    scale: float = Field(1.0, allow_inf_nan=False, description="Factor that makes the unit of the number.")
    offset: float = Field(0.0, allow_inf_nan=False, description="Added after scale, in the sensor's unit.")
    words: dict[str, float] = Field(
        default_factory=dict, description="Numbers for words, e.g. { open = 1, closed = 0 }."
    )
    low: float = Field(-math.inf, description="What is lower, in the unit of the wire, is no measurement.")
    high: float = Field(math.inf, description="What is higher, in the unit of the wire, is no measurement.")
    silent_after_s: float = Field(
        0.0, ge=0, description="Seconds without a value after which the part is told as lost; 0 for never."
    )

    @model_validator(mode="after")
    def _one_place(self) -> "MapSettings":
        if (self.topic is None) == (self.device is None):
            raise ValueError("a mapping has either a topic or a device")
        if self.device is not None and self.address is None:
            raise ValueError("a mapping of a device needs an address")
        if self.topic is not None and ("#" in self.topic or "+" in self.topic):
            raise ValueError("a mapping names one topic, without + and #")
        parse_path(self.path)
        naming(self.measure, self.unit, self.name)
        return self

    @property
    def rule(self) -> Rule:
        """The rule that reads it."""
        name, unit = naming(self.measure, self.unit, self.name)
        where: InTopic | InRegisters
        if self.topic is not None:
            where = InTopic(self.topic, parse_path(self.path))
        else:
            where = InRegisters(self.device or "", self.table, self.address or 0, self.type, self.order)
        return Rule(
            self.part,
            name,
            where,
            Conversion(self.scale * unit.factor, self.offset * unit.factor + unit.shift),
            tuple(sorted(self.words.items())),
            self.low,
            self.high,
            self.place,
            self.measure in STATES,
            self.silent_after_s,
        )


class RawSettings(Settings):
    """What foreign sensors said, kept as it came on this machine and nowhere else."""

    keep_days: int = Field(7, ge=1, le=31, description="Days that it is kept, mapped or not.")
    keep_mb: int = Field(256, ge=1, le=65_536, description="Megabytes at most; the oldest goes first.")


class SensorsSettings(StationSettings):
    """A station for foreign sensors."""

    kind: Literal["sensors"] = Field("sensors", description="What this station is.")
    mqtt: ForeignMqttSettings | None = Field(
        None, description="The foreign broker; without it there is none."
    )
    modbus: tuple[ModbusSettings, ...] = Field((), description="Modbus/TCP devices, one table each.")
    map: tuple[MapSettings, ...] = Field((), description="The mappings, one table for each value.")
    raw: RawSettings = Field(RawSettings(), description="How long what was said is kept.")

    @model_validator(mode="after")
    def _fits_together(self) -> "SensorsSettings":
        known = {device.name for device in self.modbus}
        if len(known) < len(self.modbus) or known & {"mqtt", "station"}:
            raise ValueError("every Modbus device has a name of its own, and none is mqtt or station")
        series: set[str] = set()
        for one in self.map:
            rule = one.rule
            if rule.series in series:
                raise ValueError(f"{rule.series} is mapped twice; give one of them another part or name")
            if one.device is not None and one.device not in known:
                raise ValueError(f"{rule.series}: there is no Modbus device {one.device}")
            if one.part in {*known, "mqtt", "station"}:
                raise ValueError(
                    f"{rule.series}: the part {one.part} is the name of a source; choose another"
                )
            series.add(rule.series)
        return self

    @property
    def sensors_db(self) -> Path:
        """The file of what was said."""
        return self.state_dir / "sensors.db"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of all mappings."""
        return tuple(one.rule for one in self.map)


def devices_of(settings: SensorsSettings) -> tuple[ModbusDevice, ...]:
    """Return the Modbus devices with all that is to be read of them."""
    found = []
    for one in settings.modbus:
        wanted = [
            (where.table, where.address, 1 if where.table in ("coil", "discrete") else width(where.type))
            for rule in settings.rules
            if isinstance(where := rule.where, InRegisters) and where.device == one.name
        ]
        given = tuple(Span(span.table, span.address, span.count) for span in one.read)
        found.append(
            ModbusDevice(
                one.name, one.host, one.port, one.unit, one.every_s, one.timeout_s, spans(wanted, given)
            )
        )
    return tuple(found)


def broker_of(settings: SensorsSettings) -> ForeignBroker | None:
    """Return the foreign broker with its password; raises ConfigError when the file cannot be read."""
    one = settings.mqtt
    if one is None:
        return None
    password = ""
    if one.password_file is not None:
        try:
            password = one.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{one.password_file}: the password cannot be read ({type(error).__name__})",
                why="The foreign broker would refuse us.",
                do="Write it there, readable by the daemon alone, or take out mqtt.password_file.",
            ) from error
    return ForeignBroker(
        one.host, one.port, f"turnleaf-{settings.name}", one.topics, one.username, password, one.ca
    )
