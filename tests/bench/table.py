"""The bench's figures for people, and the ratios that a later run is compared by.

    python -m tests.bench.table [RESULT.json]                     the table of a run, the last by default
    python -m tests.bench.table --compare [OLD.json] [NEW.json]   ratios of two runs; 1 when one became worse

Only ratios are compared: the hour and the machine stand in both sides of each. A ratio that is worse by more
than a quarter counts. OLD is tests/bench/recorded.json, NEW the last run, when left out.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TOLERANCE = 1.25


def _middle(rows: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(row[name] for row in rows))


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return what counts, by name. Throughput is better when higher, all others when lower."""
    counted = {}
    for kind in ("tls", "plain"):
        rows = [row for row in found["chains"] if row["kind"] == kind]
        if rows:
            counted[f"throughput, {kind}"] = statistics.median(
                row["facts_per_s"] / row["limit"] for row in rows
            )
            counted[f"central's processor time a fact over the broker's a message, {kind}"] = (
                statistics.median(row["central_cpu_us"] / row["limit_cpu_us"] for row in rows)
            )
    for one in found["paced"]:
        for part in ("p50_ms", "p99_ms"):
            counted[f"{part[:3]} at {one['rate']}/s over the floor"] = one[part] / one["floor"][part]
    return counted


def table(found: dict[str, Any]) -> str:
    """Return the figures for people, ratios first."""
    lines = [f"| durable facts/s ÷ the broker's own limit, {name.split(', ')[1]} | **{value:.2f}** |"
             for name, value in ratios(found).items() if name.startswith("throughput")]  # fmt: skip
    for kind in ("tls", "plain"):
        rows = [row for row in found["chains"] if row["kind"] == kind]
        if not rows:
            continue
        lines += [
            f"| {kind}: durable facts/s, all answered | {_middle(rows, 'facts_per_s'):.0f} |",
            f"| {kind}: the broker's own limit, messages/s | {_middle(rows, 'limit'):.0f} |",
            f"| {kind}: processor time a fact, µs: central, broker, stations "
            f"| {_middle(rows, 'central_cpu_us'):.0f}, {_middle(rows, 'broker_cpu_us'):.0f}, {_middle(rows, 'cpu_us'):.0f} |",
            f"| {kind}: the broker's processor time for a message at its limit, µs "
            f"| {_middle(rows, 'limit_cpu_us'):.0f} |",
            f"| {kind}: the stations' share of a core | {_middle(rows, 'cpu_share'):.2f} |",
            f"| {kind}: facts for each sync of the ledger | {_middle(rows, 'facts') / max(_middle(rows, 'syncs'), 1):.0f} |",
        ]
    head = [
        "| rate | p50 | p99 | floor p50 | floor p99 | p50 ÷ floor | p99 ÷ floor | the statements alone: p50 ÷ floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found["paced"]:
        low, high = (one["floor"][part] for part in ("p50_ms", "p99_ms"))
        alone = f"{one['least']['p50_ms'] / low:.2f}" if "least" in one else ""
        head.append(
            f"| {one['rate']}/s | {one['p50_ms']:.2f} ms | {one['p99_ms']:.2f} ms | {low:.2f} ms | {high:.2f} ms "
            f"| {one['p50_ms'] / low:.2f} | {one['p99_ms'] / high:.2f} | {alone} |"
        )
    small = [
        f"| {name} | {one['rss_mb']:.0f} MB | {one['pss_mb']:.0f} MB |"
        for name, one in found.get("fleet", {}).items()
        if isinstance(one, dict)
    ]
    return "\n".join(["| what | figure |", "|---|---|", *lines, "", *head, "", *small])


def compare(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, bool]:
    """Return the ratios of both runs beside one another, and whether one became worse."""
    before, after = ratios(old), ratios(new)
    lines, worse = ["| ratio | before | now | |", "|---|---|---|---|"], False
    for name in before.keys() & after.keys():
        grown = (
            after[name] / before[name] if not name.startswith("throughput") else before[name] / after[name]
        )
        worse = worse or grown > TOLERANCE
        lines.append(
            f"| {name} | {before[name]:.3f} | {after[name]:.3f} | {'WORSE' if grown > TOLERANCE else ''} |"
        )
    return "\n".join([*lines[:2], *sorted(lines[2:])]), worse


def last() -> Path:
    """Return the newest result."""
    found = sorted((HERE.parents[1] / "bench-results").glob("bench-*.json"))
    if not found:
        raise SystemExit("nothing was measured yet: make bench")
    return found[-1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("results", nargs="*", type=Path)
    args = parser.parse_args()
    if not args.compare:
        print(table(json.loads((args.results or [last()])[0].read_text())))
        return 0
    given = [*args.results, HERE / "recorded.json", last()]
    old, new = (given[0], given[1]) if len(args.results) != 1 else (given[0], given[2])
    text, worse = compare(json.loads(old.read_text()), json.loads(new.read_text()))
    print(text)
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
