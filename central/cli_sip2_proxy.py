"""`turnleaf sip2 proxy` and `record`: stand between kiosks of other makes and the library system."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from central.config import Sip2ProxySettings, Sip2Settings
    from central.sip2.codec import Dialect
    from central.sip2.mirror import Tally
    from central.sip2.proxy import Passed, Proxy

VERBS = ("proxy", "record")


def arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare both verbs."""
    proxy = verbs.add_parser(
        "proxy",
        help="pass on what kiosks of other makes and the library system say, and count it",
        epilog="example: turnleaf sip2 proxy --listen 127.0.0.1:6001 --ils ils.library.example:6001",
    )
    record = verbs.add_parser(
        "record",
        help="pass it on and write it down with everything private struck out, for a bug report",
        epilog="example: turnleaf sip2 record --ils ils.library.example:6001 --out talk.jsonl",
    )
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write; a new file")
    for one in (proxy, record):
        one.add_argument("--listen", metavar="HOST:PORT", help="where kiosks find it (127.0.0.1:6001)")
        one.add_argument("--ils", metavar="HOST:PORT", help="the library system's SIP2 service")
        one.add_argument("--config", type=Path, metavar="FILE", help="take [sip2.proxy] of this central.toml")
        one.add_argument("--cert", type=Path, metavar="FILE", help="PEM file: speak TLS to the kiosks")
        one.add_argument("--key", type=Path, metavar="FILE", help="PEM file of the certificate's key")
        one.add_argument("--tls", action="store_true", default=None, help="TLS to the library system")
        one.add_argument("--ca", type=Path, metavar="FILE", help="PEM file of the library system's authority")
        one.add_argument(
            "--plain-text-off-loopback", action="store_true", default=None, help="listen without TLS anywhere"
        )
        one.add_argument("--encoding", help="utf-8, iso-8859-1 or cp850 (utf-8); only to count and to record")
        one.add_argument("--json", action="store_true", help="the counts at the end as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Pass on until Ctrl-C or SIGTERM, then print what passed."""
    from central.config import Sip2ProxySettings
    from central.foreground import run_until_signal
    from central.sip2.codec import Dialect
    from central.sip2.mirror import Tally
    from central.sip2.proxy import Proxy
    from central.sip2.proxy_mirror import counting
    from central.sip2.proxy_start import sides
    from wire.logs import setup
    from wire.output import emit

    setup("warning", as_json=False)
    base, system = _from_file(args.config)
    names = ("listen", "ils", "cert", "key", "tls", "ca", "plain_text_off_loopback")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    settings = (base or Sip2ProxySettings()).model_copy(update=given)
    listen, to = sides(settings, system)
    dialect = Dialect(encoding=_encoding(args.encoding or (system.encoding if system else "utf-8")))
    tally = Tally()
    with ExitStack() as stack:
        tap: Callable[[], Any] = counting(tally, dialect)
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None
        recorder = None
        if args.verb == "record":
            recorder = stack.enter_context(_recorder(args.out, dialect))
            tap, beside = recorder.tap, recorder.run
        proxy = Proxy(listen, to, tap, connections=settings.connections)

        def ready() -> None:
            _say(f"{listen.host}:{proxy.port} -> {to.name}")

        run_until_signal(lambda: _passing(proxy, beside, ready), "sip2 proxy")
    counts = _counts(proxy.passed, tally if recorder is None else None)
    if recorder is not None:
        counts |= {"lines": recorder.lines, "lines_lost": recorder.lost, "file": str(args.out)}
    emit(counts, as_json=args.json, text="\n".join(f"{name:<14} {value}" for name, value in counts.items()))
    return 0


def _from_file(file: Path | None) -> "tuple[Sip2ProxySettings | None, Sip2Settings | None]":
    if file is None:
        return None, None
    from central.config import CentralSettings
    from wire.settings import load

    found = load(file, CentralSettings).sip2
    return (None, None) if found is None else (found.proxy, found)


def _encoding(name: str) -> str:
    from wire.errors import ConfigError

    try:
        "".encode(name)
    except LookupError as error:
        raise ConfigError(f"{name} is no encoding", do="Give utf-8, iso-8859-1 or cp850.") from error
    return name


def _recorder(out: Path, dialect: "Dialect") -> Any:
    from central.presence import version
    from central.sip2.proxy_record import Recorder
    from wire.clock import SystemClock

    return Recorder.to(out, SystemClock(), version(), dialect)


def _say(where: str) -> None:
    sys.stderr.write(f"passing on {where}; Ctrl-C ends\n")
    sys.stderr.flush()


async def _passing(
    proxy: "Proxy", beside: Callable[[], Coroutine[Any, Any, None]] | None, ready: Callable[[], None]
) -> None:
    """Run the proxy until cancelled; what runs beside it hears its last word, too."""
    other = None if beside is None else asyncio.create_task(beside(), name="record")
    try:
        await proxy.run(ready)
    finally:
        if other is not None:
            other.cancel()
            for failed in await asyncio.gather(other, return_exceptions=True):
                if isinstance(failed, Exception):
                    raise failed


def _counts(passed: "Passed", tally: "Tally | None") -> dict[str, Any]:
    counts: dict[str, Any] = {
        "connections": passed.connections,
        "unreachable": passed.unreachable,
        "crowded": passed.crowded,
        "broken": passed.broken,
        "bytes_up": passed.bytes_up,
        "bytes_down": passed.bytes_down,
    }
    if tally is not None:
        counts |= {
            "messages": dict(sorted(tally.messages.items())),
            "unread": tally.unread,
            "unpaired": tally.unpaired,
            "lent": tally.lent,
            "returned": tally.returned,
        }
    return counts
