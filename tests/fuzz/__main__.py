"""`make fuzz`: a million broken inputs for every decoder, on both cores; a table, or JSON."""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness import decoders, drive

SLICE = 50_000


def work(name: str, seed: int, count: int) -> tuple[str, int, float, str]:
    """Drive one slice; return what became of it."""
    decoder = next(one for one in decoders() if one.name == name)
    began = time.process_time()
    try:
        drive(decoder, seed, count)
    except AssertionError as error:
        return name, 0, time.process_time() - began, str(error)
    return name, count, time.process_time() - began, ""


def main() -> int:
    """Run; 1 when a decoder failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="inputs a decoder (1,000,000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other inputs (1)")
    parser.add_argument("--only", nargs="*", help="names of decoders")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    names = [one.name for one in decoders() if not args.only or one.name in args.only]
    done, seconds, faults = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0), dict[str, str]()
    with ProcessPoolExecutor(2) as pool:
        size = min(SLICE, args.inputs)
        slices = [(name, args.seed * 10_000 + n, size) for n in range(args.inputs // size) for name in names]
        for future in as_completed([pool.submit(work, *one) for one in slices]):
            name, count, took, fault = future.result()
            done[name] += count
            seconds[name] += took
            if fault:
                faults[name] = fault
            sys.stderr.write(f"\r{sum(done.values()):>12,} of {args.inputs * len(names):,} inputs ")
    sys.stderr.write("\n")
    if args.json:
        rows = [{"decoder": name, "inputs": done[name], "cpu_s": round(seconds[name], 1)} for name in names]
        print(json.dumps({"decoders": rows, "faults": faults}))
    else:
        for name in names:
            rate = done[name] / seconds[name] if seconds[name] else 0
            print(f"{name:<20} {done[name]:>10,} inputs {rate:>10,.0f}/s  {faults.get(name, 'no fault')}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
