"""The settings of the edge daemons: kiosk, gate, bin. One typed TOML file each, a sentence per setting.

A relative path counts from the folder of the file. Nothing here has a default that opens a file, a
socket or a door; what has a default is what most libraries would choose. `docs/examples/` holds one
complete file per kind.

All of them in one place, for tools and tests. A daemon imports the modules of its own kind alone: making the
models of the others takes a megabyte.
"""

from kiosk.config_bin import BinSettings
from kiosk.config_devices import FilePath, PadSettings, Port
from kiosk.config_gate import (
    BarrierSettings,
    CountSettings,
    GatePolicy,
    GateSettings,
    LampSettings,
    UhfSettings,
)
from kiosk.config_kiosk import KioskSettings, OfflineSettings, PageSettings, PanelSettings, TimeoutSettings
from kiosk.config_patron import CardSettings, PrinterSettings, ReceiptSettings, ScannerSettings
from kiosk.config_station import BrokerSettings, LogSettings, OutboxSettings, StationSettings

__all__ = [
    "BarrierSettings",
    "BinSettings",
    "BrokerSettings",
    "CardSettings",
    "CountSettings",
    "FilePath",
    "GatePolicy",
    "GateSettings",
    "KioskSettings",
    "LampSettings",
    "LogSettings",
    "OfflineSettings",
    "OutboxSettings",
    "PadSettings",
    "PageSettings",
    "PanelSettings",
    "Port",
    "PrinterSettings",
    "ReceiptSettings",
    "ScannerSettings",
    "StationSettings",
    "TimeoutSettings",
    "UhfSettings",
]
