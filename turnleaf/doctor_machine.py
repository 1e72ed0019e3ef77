"""The machine itself: colliding distributions, clock, disk, pcscd."""

import ctypes
import os
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

from turnleaf.doctor_finding import Finding

OURS = (
    "wire",
    "circulation",
    "firmware_bridge",
    "kiosk",
    "central",
    "broker_config",
    "monitor",
    "sim",
    "turnleaf",
)
"""Our top-level import names: generic ones, so that another distribution may claim one."""

FREE_BYTES = 1 << 30
SLOW_SYNC_MS = 50.0
"""A commit waits for one sync: above this a kiosk is felt to hang."""
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""


def distributions(claimed: Mapping[str, list[str]] | None = None) -> Iterator[Finding]:
    """Say which other distribution claims one of our import names."""
    claimed = packages_distributions() if claimed is None else claimed
    others = {
        name: sorted({dist for dist in claimed.get(name, ()) if dist.lower() != "turnleaf"}) for name in OURS
    }
    clashes = {name: dists for name, dists in others.items() if dists}
    for name, dists in clashes.items():
        yield Finding(
            f"import name {name}",
            ok=False,
            seen=f"also claimed by {', '.join(dists)}",
            do=f"Install Turnleaf in an environment of its own, or: pip uninstall {' '.join(dists)}",
        )
    if not clashes:
        yield Finding("import names are ours alone", ok=True)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), with room for what follows the fields that are read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_synchronised() -> Finding:
    """Say whether the kernel's clock is disciplined by a time source (adjtimex, read only)."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.adjtimex(ctypes.byref(timex)) if hasattr(libc, "adjtimex") else -1
    if state < 0:
        return Finding("clock", ok=False, seen="the kernel does not tell", do="Run a time daemon (chrony).")
    if timex.status & UNSYNCHRONISED:
        return Finding(
            "clock",
            ok=False,
            seen="not synchronised",
            do="Run a time daemon (chrony or systemd-timesyncd); offline returns are dated by this clock.",
        )
    return Finding("clock is synchronised", ok=True, seen=f"within {timex.maxerror / 1000:.0f} ms")


def disk(folder: Path) -> Iterator[Finding]:
    """Say whether the folder has room, and how long a durable write takes there."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    free = f"{usage.free / (1 << 30):.1f} GiB free"
    if usage.free < FREE_BYTES:
        yield Finding(f"disk of {folder}", ok=False, seen=free, do="Make room: a full disk stops lending.")
    else:
        yield Finding(f"disk of {folder}", ok=True, seen=free)
    if not os.access(place, os.W_OK):
        yield Finding(f"writing to {place}", ok=False, seen="not permitted", do="chown it to the daemon.")
        return
    took = sync_ms(place)
    slow = took > SLOW_SYNC_MS
    yield Finding(
        f"durable write in {place}",
        ok=not slow,
        seen=f"{took:.1f} ms",
        do="Use a disk that syncs faster; each loan waits for one sync." if slow else "",
    )


def sync_ms(folder: Path, times: int = 7) -> float:
    """Return the median of a small write and fsync in `folder`, in milliseconds."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"x" * 512)
            file.flush()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def pcscd() -> Finding:
    """Say whether the PC/SC daemon, which reads patron cards, answers on its socket."""
    name = os.environ.get("PCSCLITE_CSOCK_NAME", "/run/pcscd/pcscd.comm")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(name)
        except OSError as error:
            return Finding(
                "pcscd",
                ok=False,
                seen=f"{name}: {error.strerror or error}",
                do="apt-get install pcscd; systemctl start pcscd.socket",
            )
    return Finding("pcscd answers", ok=True, seen=name)
