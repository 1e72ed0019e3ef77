"""What the commands of gate and bin share: `run`, and `settings`, which checks a file and shows it."""

import argparse
from collections.abc import Callable, Coroutine

from kiosk.config_station import StationSettings


def run_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Declare `run` and `settings`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in (
        ("run", "run until SIGTERM or Ctrl-C"),
        ("settings", "check the settings file and show what is in force, defaults included"),
    ):
        one = verbs.add_parser(
            verb,
            help=text,
            description=text,
            epilog=f"example: {example.replace(' run ', f' {verb} ')}",
        )
        one.add_argument("--config", required=True, metavar="FILE", help="the station's TOML file")
        one.add_argument("--json", action="store_true", help="logs (run) or settings as JSON")


def start(
    args: argparse.Namespace, settings: StationSettings, main: Callable[[], Coroutine[None, None, None]]
) -> int:
    """Carry out the verb."""
    if args.verb == "settings":
        from wire.output import emit

        shown = settings.model_dump(mode="json")
        emit(shown, as_json=args.json, text="\n".join(_lines(shown)))
        return 0
    from kiosk.station_main import run_daemon

    if args.json:
        settings = settings.model_copy(update={"log": settings.log.model_copy(update={"as_json": True})})
    return run_daemon(settings, main)


def _lines(shown: dict[str, object], before: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in shown.items():
        lines += (
            _lines(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name} = {value}"]
        )
    return lines
