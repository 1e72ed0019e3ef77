"""`turnleaf device`: what a station's devices are, how they answer, and whether they do their work."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

HELP = "Look at a station's devices: list, info, watch, selftest."
EXAMPLE = "turnleaf device selftest --station kiosk.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, line in (
        ("list", "the devices of a station; without --station what is plugged into this machine"),
        ("info", "make, model, firmware and serial number, asked of each device now"),
        ("watch", "how a pad, a UHF reader or a gate's inputs do, line by line, until Ctrl-C"),
        ("selftest", "try every device; exit code 1 when one fails"),
    ):
        one = verbs.add_parser(
            verb, help=line, description=line, epilog=f"example: turnleaf device {verb} --station kiosk.toml"
        )
        one.add_argument("--station", metavar="FILE", required=verb != "list", help="the station's TOML file")
        one.add_argument("--json", action="store_true", help="one JSON object a line")
        if verb != "list":
            one.add_argument("--device", help="one device alone, e.g. pad")
        if verb == "watch":
            one.add_argument(
                "--every", type=float, default=1.0, metavar="S", help="seconds between two lines (1)"
            )
        if verb == "selftest":
            one.add_argument(
                "--lamp", action="store_true", help="switch lamp and buzzer on for a second, too"
            )


def short(value: object) -> object:
    """Return a value as it is read on a screen."""
    return f"{value:.1f}" if isinstance(value, float) else value


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    try:
        return asyncio.run(_run(args))
    except KeyboardInterrupt:
        return 0 if args.verb == "watch" else 130


async def _run(args: argparse.Namespace) -> int:
    from kiosk import devices
    from kiosk.devices_attached import attached
    from wire.clock import SystemClock
    from wire.errors import ConfigError, DeviceError

    def tell(value: Mapping[str, object], text: str) -> None:
        sys.stdout.write((json.dumps(value, ensure_ascii=False) if args.json else text) + "\n")
        sys.stdout.flush()

    if args.verb == "list" and args.station is None:
        for row in attached():
            tell(row, f"{row['address']:<40} {row['what']}")
        return 0
    found = devices.devices(Path(args.station))
    wanted = getattr(args, "device", None)
    if wanted:
        found = tuple(device for device in found if device.name == wanted)
        if not found:
            raise ConfigError(
                f"the station has no device {wanted}", do="See: turnleaf device list --station FILE"
            )
    clock = SystemClock()
    failed = False
    for device in found:
        match args.verb:
            case "list":
                tell({"device": device.name, "address": device.address}, f"{device.name:<8} {device.address}")
            case "info":
                try:
                    said = await devices.info(device)
                except DeviceError as error:
                    failed = True
                    tell({"device": device.name, "error": error.seen}, f"{device.name:<8} ✗ {error.seen}")
                    continue
                row = {
                    "make": said.make,
                    "model": said.model,
                    "firmware": said.firmware,
                    "serial": said.serial,
                }
                tell(
                    {"device": device.name} | row, f"{device.name:<8} " + " ".join(filter(None, row.values()))
                )
            case "selftest":
                for check in await devices.selftest(device, clock, lamp=args.lamp):
                    failed |= not check.ok
                    mend = f"\n           {check.do}" if check.do else ""
                    row2 = {"device": check.device, "ok": check.ok, "seen": check.seen, "do": check.do}
                    tell(
                        row2 | check.values,
                        f"{'✓' if check.ok else '✗'} {check.device:<8} {check.seen}{mend}",
                    )
            case "watch":
                async for line in devices.watch(device, clock, args.every):
                    tell(line, "  ".join(f"{name} {short(value)}" for name, value in line.items()))
    return 1 if failed else 0
