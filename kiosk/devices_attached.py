"""What is plugged into this machine: serial ports, PC/SC readers, keyboards that may be scanners."""

from contextlib import suppress


def attached() -> list[dict[str, str]]:
    """Return what is plugged in here: serial ports, PC/SC readers, keyboards that may be scanners."""
    from serial.tools.list_ports import comports

    found = [
        {
            "kind": "serial",
            "address": f"serial:{port.device}",
            "what": port.description or "",
            "serial": port.serial_number or "",
        }
        for port in sorted(comports())
    ]
    return found + _readers() + _keyboards()


def _readers() -> list[dict[str, str]]:
    from smartcard.scard import (
        SCARD_S_SUCCESS,
        SCARD_SCOPE_USER,
        SCardEstablishContext,
        SCardListReaders,
        SCardReleaseContext,
    )

    result, context = SCardEstablishContext(SCARD_SCOPE_USER)
    if result != SCARD_S_SUCCESS:
        return []
    try:
        _, names = SCardListReaders(context, [])
        return [
            {"kind": "pcsc", "address": f"pcsc:{name}", "what": name, "serial": ""} for name in names or ()
        ]
    finally:
        SCardReleaseContext(context)


def _keyboards() -> list[dict[str, str]]:
    import evdev

    found = []
    for path in evdev.list_devices():
        with suppress(OSError):
            device = evdev.InputDevice(path)
            if evdev.ecodes.EV_KEY in device.capabilities():
                found.append(
                    {"kind": "evdev", "address": f"evdev:{path}", "what": device.name, "serial": device.uniq}
                )
            device.close()
    return found
