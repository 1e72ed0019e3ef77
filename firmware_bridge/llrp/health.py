"""What went over the connection to a UHF reader, counted; and the sample that is made of it."""

from dataclasses import dataclass, field

from firmware_bridge.rates import AntennaRates, named


@dataclass
class LlrpHealth:
    """Counters since start; they outlive a lost connection."""

    reports: int = 0
    """Tag reports."""
    connections: int = 0
    """How often a connection came to reporting; more than one are reconnections."""
    losses: int = 0
    """Connections lost or refused."""
    malformed: int = 0
    """Times that bytes came which are no LLRP. The connection is TCP's, so there is no CRC to be wrong."""
    keep_alives: int = 0
    keep_alive_at: float | None = None
    """When the reader last said that it lives, by the loop's clock; None while it has not."""
    response_ms: float = 0.0
    """How long the last answer took."""
    rates: AntennaRates = field(default_factory=AntennaRates)
    rssi: dict[int, int] = field(default_factory=dict)
    """Antenna -> peak RSSI of its last report, dBm."""
    antennas: dict[int, bool] = field(default_factory=dict)
    """Antenna -> connected, for those of which the reader told."""

    @property
    def by_antenna(self) -> dict[int, int]:
        """Antenna -> tag reports."""
        return dict(self.rates.total)

    def sample(self, now_s: float) -> dict[str, float]:
        """Return the values of a health sample; rates are those since the last one."""
        values = named(self.rates.per_second(now_s)) | {
            "response_ms": self.response_ms,
            "reconnections": float(max(0, self.connections - 1)),
            "losses": float(self.losses),
            "decoding_errors": float(self.malformed),
            "antennas_lost": float(sum(not connected for connected in self.antennas.values())),
        }
        if self.keep_alive_at is not None:
            values["keep_alive_age_s"] = max(0.0, now_s - self.keep_alive_at)
        return values | {f"rssi_dbm_antenna_{n}": float(dbm) for n, dbm in sorted(self.rssi.items())}
