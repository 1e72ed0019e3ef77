"""Chaos by the dozen: `make chaos` plays many seeds, `make chaos-mutants` breaks rules in a copy and looks whether
chaos sees it. Both print a table and write JSON; exit 1 when anything is lost, or a mutant is not seen.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chaos_mutants import CONTROL, MUTANTS
from fire import ROOT, copy_tree

COUNTS = ("made", "kills", "lost", "doubled", "out_of_order", "unexplained", "reported")


def play(
    tree: Path, seed: int, minutes: float, kill_every: float, keep: Path | None = None
) -> dict[str, Any]:
    """Play one seed out of `tree`; return its account. What went wrong is kept in `keep`, if given."""
    with tempfile.TemporaryDirectory(prefix="turnleaf-chaos-") as folder:
        command = [sys.executable, "-B", "-m", "turnleaf", "sim", "chaos", "--json", "--seed", str(seed)]
        more = ["--minutes", str(minutes), "--kill-every", str(kill_every), "--dir", folder]
        done = subprocess.run(
            [*command, *more],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and keep is not None:
            sockets = shutil.ignore_patterns("*.notify")
            shutil.copytree(folder, keep / f"seed-{seed}", dirs_exist_ok=True, ignore=sockets)
            (keep / f"seed-{seed}" / "account.json").write_text(done.stdout)
    if not done.stdout.startswith("{"):
        return {"seed": seed, "ok": False, "problems": [done.stderr[-500:]], "faults": {}, "broken": True}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seeds(args: argparse.Namespace) -> int:
    """Play every seed; print a line for each and the totals."""
    print("| seed | " + " | ".join(COUNTS) + " |\n|" + "---|" * (len(COUNTS) + 1), flush=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = []
        for found in pool.map(
            lambda seed: play(ROOT, seed, args.minutes, args.kill_every, args.keep),
            range(args.first, args.first + args.seeds),
        ):
            runs.append(found)
            print(f"| {found['seed']} | " + " | ".join(str(found.get(name, "-")) for name in COUNTS) + " |")
            for problem in found["problems"]:
                print(f"  ✖ {problem}")
            sys.stdout.flush()
    totals = {name: sum(int(found.get(name, 0)) for found in runs) for name in COUNTS}
    faults: Counter[str] = Counter()
    for found in runs:
        faults.update(found["faults"])
    print("| all | " + " | ".join(str(totals[name]) for name in COUNTS) + " |")
    print("faults: " + ", ".join(f"{count} {fault}" for fault, count in sorted(faults.items())))
    if args.out:
        args.out.write_text(json.dumps({"totals": totals, "faults": faults, "runs": runs}, indent=1) + "\n")
    return 0 if all(found["ok"] for found in runs) else 1


def mutants(args: argparse.Namespace) -> int:
    """Break each rule in a copy; it is seen when a seed of chaos gives account of something wrong."""
    missed = 0
    print("| broken rule | seen by seed | what was seen |\n|---|---|---|", flush=True)
    for name, patches in {"none (control)": (), **MUTANTS}.items():
        with tempfile.TemporaryDirectory(prefix="turnleaf-mutant-") as folder:
            tree = copy_tree(Path(folder) / "tree", (*CONTROL, *patches))
            seen = None
            for seed in range(args.first, args.first + args.seeds):
                found = play(tree, seed, args.minutes, args.kill_every)
                if not found["ok"]:
                    seen = found
                    break
        right = seen is None if not patches else seen is not None and "broken" not in seen
        missed += not right
        what = "nothing" if seen is None else "; ".join(seen["problems"])[:150]
        print(f"| {name} | {'-' if seen is None else seen['seed']} | {what} |", flush=True)
    return 1 if missed else 0


def main() -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("seeds", "mutants"))
    parser.add_argument("--first", type=int, default=1, help="first seed (1)")
    parser.add_argument("--seeds", type=int, default=30, help="how many seeds; for mutants at most (30)")
    parser.add_argument("--minutes", type=float, default=3.0, help="length of each (3)")
    parser.add_argument("--kill-every", type=float, default=6.0, help="mean seconds between kills (6)")
    parser.add_argument("--jobs", type=int, default=3, help="seeds at a time (3)")
    parser.add_argument("--keep", type=Path, help="folder in which a run that went wrong is kept")
    parser.add_argument("--out", type=Path, help="JSON file for the totals")
    args = parser.parse_args()
    return seeds(args) if args.what == "seeds" else mutants(args)


if __name__ == "__main__":
    sys.exit(main())
