"""The bench's figures for people, and the ratios that a later run is compared by.

    python -m tests.bench.table [RESULT.json]                     the table of a run, the last by default
    python -m tests.bench.table --compare [OLD.json] [NEW.json]   ratios of two runs; 1 when one became worse
    python -m tests.bench.table --record RESULT.json ...          keep runs as what later ones are compared with

Only ratios are compared: the hour and the machine stand in both sides of each. A ratio became worse when its middle
did by more than a quarter. What swings by more than that with the hour (p99, and p50 where central's processor is
nearly full) became worse when its best round is worse than the worst one before, too. OLD is tests/bench/recorded.json, NEW the last run, when left out. Record runs of
several hours: a shared machine has good ones and bad ones, and a ratio swings with them.
"""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"
TOLERANCE = 1.25
STEADY_RATE = 500
"""Facts a second up to which p50 changes little from hour to hour; above, central's processor is nearly full."""


def _middle(rows: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(row[name] for row in rows))


@dataclass(frozen=True, slots=True)
class Ratio:
    """What counts, round by round."""

    values: list[float] = field(default_factory=list)
    higher_is_better: bool = False
    swings: bool = False
    """Whether it swings from hour to hour by more than the tolerance, though nothing has changed."""

    def worse(self, now: "Ratio") -> bool:
        """Say whether it has become worse."""
        old, new = ([1 / one for one in r.values] if self.higher_is_better else r.values for r in (self, now))
        grown = statistics.median(new) / statistics.median(old)
        return grown > TOLERANCE and (not self.swings or min(new) > max(old))

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"**{statistics.median(self.values):.2f}** ({low:.2f} to {high:.2f})"


def ratios(found: dict[str, Any]) -> dict[str, Ratio]:
    """Return what counts, by name."""
    counted: dict[str, Ratio] = {}
    for row in found["chains"]:
        throughput = counted.setdefault(f"throughput, {row['kind']}", Ratio(higher_is_better=True))
        throughput.values.append(row["facts_per_s"] / row["limit"])
        name = f"central's processor time a fact over the broker's a message, {row['kind']}"
        counted.setdefault(name, Ratio()).values.append(row["central_cpu_us"] / row["limit_cpu_us"])
    for one in found["paced"]:
        for part in ("p50", "p99"):
            swings = part == "p99" or one["rate"] > STEADY_RATE
            ratio = counted.setdefault(f"{part} at {one['rate']}/s over the floor", Ratio(swings=swings))
            ratio.values.append(one[f"{part}_ms"] / one["floor"][f"{part}_ms"])
    return counted


def table(found: dict[str, Any]) -> str:
    """Return the figures for people, ratios first."""
    counted, lines = ratios(found), []
    for kind in ("tls", "plain"):
        rows = [row for row in found["chains"] if row["kind"] == kind]
        if not rows:
            continue
        lines += [
            f"| {kind}: durable facts/s ÷ the broker's own limit | {counted[f'throughput, {kind}']} |",
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
    for rate in dict.fromkeys(one["rate"] for one in found["paced"]):
        rows = [one for one in found["paced"] if one["rate"] == rate]
        times = [f"{_middle(some, part):.2f} ms"
                 for some in (rows, [one["floor"] for one in rows]) for part in ("p50_ms", "p99_ms")]  # fmt: skip
        over = [str(counted[f"{part} at {rate}/s over the floor"]) for part in ("p50", "p99")]
        least = [one["least"]["p50_ms"] / one["floor"]["p50_ms"] for one in rows if "least" in one]
        alone = str(Ratio(least)) if least else ""
        head.append("| " + " | ".join([f"{rate}/s", *times, *over, alone]) + " |")
    small = [
        f"| {name} | {one['rss_mb']:.0f} MB | {one['pss_mb']:.0f} MB |"
        for name, one in found.get("fleet", {}).items()
        if isinstance(one, dict)
    ]
    return "\n".join(["| what | figure |", "|---|---|", *lines, "", *head, "", *small])


def compare(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the ratios of both runs beside one another, and which of them became worse."""
    before, after = ratios(old), ratios(new)
    both = sorted(before.keys() & after.keys())
    worse = [name for name in both if before[name].worse(after[name])]
    head = ["| ratio: middle (least to most of the rounds) | before | now | |", "|---|---|---|---|"]
    lines = [
        f"| {name} | {before[name]} | {after[name]} | {'WORSE' if name in worse else ''} |" for name in both
    ]
    return "\n".join([*head, *lines]), worse


def together(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several runs as one with the rounds of all; the rest is the last one's."""
    pooled = {part: [row for run in runs for row in run[part]] for part in ("chains", "paced")}
    return runs[-1] | pooled | {"runs": [at for run in runs for at in run.get("runs", [run["at"]])]}


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
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--compare", action="store_true")
    what.add_argument("--record", action="store_true")
    parser.add_argument("results", nargs="*", type=Path)
    args = parser.parse_args()
    if args.record:
        runs = [json.loads(path.read_text()) for path in args.results or [last()]]
        RECORDED.write_text(json.dumps(together(runs), indent=1) + "\n")
        print(f"kept as {RECORDED}: {', '.join(json.loads(RECORDED.read_text())['runs'])}")
        return 0
    if not args.compare:
        print(table(json.loads((args.results or [last()])[0].read_text())))
        return 0
    given = [*args.results, RECORDED, last()]
    old, new = (given[0], given[1]) if len(args.results) != 1 else (given[0], given[2])
    text, worse = compare(json.loads(old.read_text()), json.loads(new.read_text()))
    print(text)
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
