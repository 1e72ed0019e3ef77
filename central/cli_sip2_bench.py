"""`turnleaf sip2 bench`: how many questions a second a SIP2 server answers, and how long they take."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.errors import ConfigError
from wire.output import emit

if TYPE_CHECKING:
    from central.sip2.load import Load

VERBS = frozenset({"bench"})
MOST_CONNECTIONS = 1000


def arguments(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    bench = verbs.add_parser(
        "bench",
        help="measure answers a second and how long they take, over one connection or many",
        epilog="example: turnleaf sip2 bench localhost:6001 --messages 63 --patron 29000001 --connections 20",
    )
    bench.add_argument("address", metavar="HOST:PORT", help="the SIP2 service")
    bench.add_argument(
        "--messages", default="99", metavar="CODES", help="asked in turn: 99, 23, 63, 17, or 11,09 (99)"
    )
    bench.add_argument("--connections", type=int, default=1, metavar="N", help="connections at once (1)")
    bench.add_argument("--count", type=int, default=1000, metavar="N", help="questions in all (1000)")
    bench.add_argument("--patron", default="", help="patron's number; {n} stands for the connection's")
    bench.add_argument("--item", default="", help="item's number; {n} stands for the connection's")
    bench.add_argument("--institution", default="", help="institution id (AO)")
    bench.add_argument("--change", action="store_true", help="with 11 and 09: yes, lend and take back there")
    bench.add_argument("--user", default="", help="user of the login (93)")
    bench.add_argument("--password-file", type=Path, metavar="FILE", help="file with its password")
    bench.add_argument("--encoding", default="utf-8", help="utf-8, iso-8859-1 or cp850 (utf-8)")
    bench.add_argument("--no-checksum", action="store_true", help="send no error detection")
    bench.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure: 0 all answered well, 1 some answers said no, 2 wrong use, 3 it cannot be reached."""
    from central.authority_kinds import secret
    from central.sip2.codec import Dialect
    from central.sip2.load import CHANGING, Plan, load
    from wire.clock import SystemClock

    host, _, port = args.address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ConfigError(f"{args.address} is no address", do="Write HOST:PORT, e.g. localhost:6001.")
    codes = tuple(code.strip() for code in args.messages.split(","))
    if set(codes) & set(CHANGING) and not args.change:
        raise ConfigError(
            "11 and 09 lend and take back",
            why="They would change loans of the library that is asked.",
            do="Take a patron and items made for tests, and add --change.",
        )
    if not 0 < args.connections <= min(args.count, MOST_CONNECTIONS):
        raise ConfigError(
            f"{args.connections} connections do not go with {args.count} questions",
            do=f"Take 1 to {MOST_CONNECTIONS}, and a question for each at least.",
        )
    plan = Plan(
        host, int(port), codes, args.connections, args.count, args.patron, args.item, args.institution,
        args.user, secret(args.password_file), Dialect(args.encoding, not args.no_checksum),
    )  # fmt: skip
    found = load(plan, SystemClock().now().astimezone().replace(tzinfo=None, microsecond=0))
    emit(_figures(found, args), as_json=args.json, text=_table(found))
    return 1 if found.others else 0


def _figures(found: "Load", args: argparse.Namespace) -> dict[str, Any]:
    return {
        "connections": args.connections,
        "answers": found.answers,
        "others": found.others,
        "seconds": round(found.seconds, 4),
        "per_s": round(found.rate, 1),
        "asker_cpu_us": round(found.asker_cpu_us, 2),
        "asker_share": round(found.asker_cpu_us * found.rate / 1e6, 3),
        "ms": {
            code: {"p50": round(found.part(code, 0.5), 3), "p99": round(found.part(code, 0.99), 3)}
            for code, times in found.took_ms.items()
            if times
        },
    }


def _table(found: "Load") -> str:
    lines = [f"{found.rate:,.0f} answers a second ({found.answers} in {found.seconds:.2f} s)"]
    lines += [
        f"{code}: p50 {found.part(code, 0.5):.2f} ms, p99 {found.part(code, 0.99):.2f} ms"
        for code, times in found.took_ms.items()
        if times
    ]
    if found.others:
        lines.append(f"✗ {found.others} answers said no, or were of another kind than was asked for")
    share = found.asker_cpu_us * found.rate / 1e6
    lines.append(f"the asking took {found.asker_cpu_us:.0f} µs of a processor a question, {share:.0%} of one")
    return "\n".join(lines)
