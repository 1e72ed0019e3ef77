"""The EAS bit of the tags on the pad: asked for, set, cleared, each by what was heard afterwards.

For gates that listen for EAS alone, and for mending tags that an earlier system left half secured. The AFI is
left as it is; what the two say together is told.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from kiosk.tagging.bench import Bench
from kiosk.tagging.program import others
from wire.errors import DeviceError

Order = Literal["check", "on", "off"]
WORDS: dict[bool | None, str] = {True: "on", False: "off", None: "not known"}


async def eas(bench: Bench, order: Order) -> int:
    """Ask each tag on the pad for its EAS bit, or set it; 1 when one of them is not known, or not so."""
    uids = sorted(await bench.pad.inventory())
    if not uids:
        bench.say("no tag lies on the pad")
        return 1
    wanted = {"check": None, "on": True, "off": False}[order]
    good = 0
    for uid in uids:
        try:
            on, reason = await _one(bench, uid, wanted)
        except DeviceError as error:
            on, reason = None, error.seen
        is_so = on is not None and wanted in (None, on)
        good += is_so
        text = f"{'✓' if is_so else '✗'} {uid}: EAS {WORDS[on]}{f' ({reason})' if reason else ''}"
        bench.tell({"uid": uid, "eas": on, "ok": is_so, "reason": reason}, text)
    return 0 if good == len(uids) else 1


async def _one(bench: Bench, uid: str, wanted: bool | None) -> tuple[bool | None, str]:
    """Ask or set one tag; another library's tag, or a patron's card, is only asked."""
    refused = None if wanted is None else others(await bench.pad.read_tag(uid), bench.rules)
    if wanted is None or refused is not None:
        found = await bench.pad.eas(uid)
        return found.on, refused.seen if refused is not None else found.reason
    found = await bench.pad.set_eas(uid, wanted)
    return found.on, found.reason


async def steady(bench: Bench, given_up: Callable[[], bool], within_s: float) -> frozenset[str] | None:
    """Return what lies on the pad as soon as two looks in a row saw the same, and something.

    None when `given_up` says so; empty when nothing was laid down within the time.
    """
    loop = asyncio.get_running_loop()
    until, before = loop.time() + within_s, frozenset[str]()
    while loop.time() < until:
        if given_up():
            return None
        now = await bench.pad.inventory()
        if now and now == before:
            return now
        before = now
        await asyncio.sleep(bench.settings.pad.poll_ms / 1000)
    return frozenset()
