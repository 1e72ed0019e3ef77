"""`turnleaf sensors`: run a station for foreign sensors, and see what its mapping makes of them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kiosk.sensors.config import SensorsSettings
    from kiosk.sensors.store import RawStore

HELP = "Bring sensors that speak plain MQTT or Modbus/TCP into the samples."
EXAMPLE = "turnleaf sensors run --config /etc/turnleaf/sensors-1.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text, as_json in (
        ("run", "run until SIGTERM or Ctrl-C", "logs as JSON"),
        ("settings", "check the settings file and show what is in force, defaults included", "as JSON"),
        ("check", "show what each mapping reads, and a mapping to paste for what none reads", "as JSON"),
        ("backfill", "show what a changed mapping missed, or have the daemon look again", "as JSON"),
    ):
        one = verbs.add_parser(
            verb, help=text, description=text, epilog=f"example: {EXAMPLE.replace(' run ', f' {verb} ')}"
        )
        one.add_argument("--config", required=True, metavar="FILE", help="the station's TOML file")
        one.add_argument("--json", action="store_true", help=as_json)
        if verb == "backfill":
            one.add_argument(
                "--dry-run",
                action="store_true",
                help="only show it; without this the daemon is told to look through all that is kept again",
            )


def run(args: argparse.Namespace) -> int:
    """Carry out the verb."""
    from kiosk.sensors.config import SensorsSettings
    from wire.settings import load

    settings = load(Path(args.config), SensorsSettings)
    if args.verb in ("run", "settings"):
        from kiosk.cli_station import start

        async def main() -> None:
            from kiosk.sensors.daemon import run_sensors

            await run_sensors(settings)

        return start(args, settings, main)
    from kiosk.sensors.store import RawStore

    store = RawStore.look(settings.sensors_db)
    try:
        return (_check if args.verb == "check" else _backfill)(args, settings, store)
    finally:
        store.close()


def _check(args: argparse.Namespace, settings: "SensorsSettings", store: "RawStore") -> int:
    """Exit 1 when a mapping reads nothing, so that a script notices."""
    from kiosk.sensors.look import seen, still_open
    from kiosk.sensors.readings import Rules
    from wire.output import emit

    rules, latest = Rules(settings.rules), store.latest()
    read, unread = seen(rules, latest), still_open(rules, latest)
    shown = {
        "mappings": [
            {
                "series": one.rule.series,
                "place": one.rule.place,
                "at": one.at.isoformat() if one.at else None,
                "value": one.value,
                "why": one.why,
            }
            for one in read
        ],
        "unmapped": [
            {"topic": one.topic, "path": one.path, "value": one.value, "mapping": one.mapping}
            for one in unread
        ],
    }
    lines = [
        f"{one.rule.series:44} {one.why or f'{one.value:g}'}"
        + (f"  ({one.at:%Y-%m-%d %H:%M:%S})" if one.at else "")
        for one in read
    ]
    if unread:
        lines += ["", "# read by no mapping; paste what is wanted into the settings file"]
    for one in unread:
        lines += ["", f"# {one.at:%H:%M:%S} {one.value!r}", one.mapping]
    emit(shown, as_json=args.json, text="\n".join(lines) or "nothing was heard yet")
    return 1 if any(one.why for one in read) else 0


def _backfill(args: argparse.Namespace, settings: "SensorsSettings", store: "RawStore") -> int:
    from kiosk.sensors.look import missed
    from kiosk.sensors.readings import Rules
    from wire.output import emit

    rules = Rules(settings.rules)
    if not args.dry_run:
        store.looked(rules.key, 0)
    found = missed(rules, store)
    shown = {
        series: {"values": one.count, "since": one.since.isoformat(), "until": one.until.isoformat()}
        for series, one in sorted(found.items())
    }
    lines = [
        f"{series:44} {one.count:6} values, {one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M}"
        for series, one in sorted(found.items())
    ]
    emit(shown, as_json=args.json, text="\n".join(lines) or "nothing was missed")
    return 0
