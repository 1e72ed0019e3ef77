"""The histories by name: what happens, the end that is promised, and who is needed for it."""

import asyncio
import importlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.histories.ending import Ending
    from sim.histories.house import House

Progress = Callable[[str], None]
Around = Callable[["House"], AbstractAsyncContextManager[None]]
Play = Callable[["House", "Ending"], Awaitable[None]]
KIOSKS = {"kiosk-1": "kiosk", "kiosk-2": "kiosk"}
ONE = {"kiosk-1": "kiosk"}
AND_A_BIN = {"kiosk-1": "kiosk", "bin-1": "bin"}
PATIENT, HASTY = {"timeouts": {"answer_s": 8.0}}, {"timeouts": {"answer_s": 1.5}}


@dataclass(frozen=True, slots=True)
class History:
    """One accident and the end that it must come to."""

    name: str
    what: str
    end: str
    play: str
    """module:function below `sim.histories`."""
    stations: dict[str, str] = field(default_factory=lambda: dict(KIOSKS))
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further settings of stations."""
    around: str = ""
    """module:context manager that prepares the house before it starts, and stays around it."""


HISTORIES: tuple[History, ...] = (
    History(
        "answered-after-leaving",
        "Central answers a request when the patron has lost patience and left.",
        "The loan is granted and withdrawn, the tag was never touched, and the next patron gets the item.",
        "visits:answered_after_leaving",
        more={"kiosk-1": HASTY},
    ),
    History(
        "killed-before-the-tag",
        "A kiosk is killed between the loan and the writing of the tag.",
        "The loan stands, the tag is secured, a case says so, and the gate lets it pass with a case.",
        "visits:killed_before_the_tag",
        stations={"kiosk-1": "kiosk", "gate-1": "gate"},
    ),
    History(
        "killed-before-the-read-back",
        "A kiosk is killed between the writing of the tag and its reading back.",
        "The loan stands, the tag is unsecured, and a case says that the tag is unknown.",
        "visits:killed_before_the_read_back",
        stations=ONE,
    ),
    History(
        "lent-while-another-had-it",
        "Kiosk A, off line, asked for one item and took back another; kiosk B lent both before A was heard.",
        "B's loans stand as if A had been heard in time, and no case is needed.",
        "visits:lent_while_another_had_it",
        more={"kiosk-1": HASTY},
    ),
    History(
        "second-central",
        "Somebody starts a second central on the same ledger by mistake.",
        "The second is refused with its reason, and the first goes on lending.",
        "centrals:second_central",
        stations=ONE,
    ),
    History(
        "paused-central-woken",
        "Central is paused, its lock removed, another started; the first wakes up, a request in its socket.",
        "The first ends at its next commit and does no harm; the item is lent once, by the other.",
        "centrals:paused_central_woken",
        stations=ONE,
    ),
    History(
        "restored-from-yesterday",
        "The ledger is lost and restored from yesterday's backup, while the stations remember today.",
        "The stations bring today again, requests with their answers: the loans are the same, to the day.",
        "centrals:restored_from_yesterday",
        stations=AND_A_BIN,
    ),
    History(
        "release-that-cannot-apply",
        "A release of central cannot apply one kind of fact, the report of a secured tag.",
        "That stream is parked, the others go on; after the mended release and a retry everything is there.",
        "centrals:release_that_cannot_apply",
        stations=AND_A_BIN,
    ),
    History(
        "disk-rolled-back",
        "A kiosk's card is replaced by an older copy of itself.",
        "A new stream begins, told by a case; what was lent before, with and after the lost days stands.",
        "disks:disk_rolled_back",
        stations=ONE,
    ),
    History(
        "disk-cloned",
        "A bin's card is copied, and two bins work under one name.",
        "Both are named by cases, and the returns of both are in the ledger once.",
        "disks:disk_cloned",
        stations=AND_A_BIN,
    ),
    History(
        "station-re-imaged",
        "A bin announces returns and is set up anew before anybody heard them.",
        "Cases tell of the new stream and which facts went down; when the old disk is found, they arrive.",
        "disks:station_re_imaged",
        stations=AND_A_BIN,
    ),
    History(
        "outbox-nearly-full",
        "Central hears nothing for so long that a kiosk's outbox is at 80 %.",
        "New loans are refused with words, returns are still taken, and all of it arrives in the end.",
        "outboxes:nearly_full",
        stations=ONE,
        more={"kiosk-1": {"outbox": {"rows": 100}}},
    ),
    History(
        "outbox-full",
        "Central hears nothing for so long that a kiosk's outbox is at 100 %.",
        "The kiosk closes with words; what is laid down stays on loan and unsecured until there is room.",
        "outboxes:full",
        stations=ONE,
        more={"kiosk-1": {"outbox": {"rows": 100}}},
    ),
    History(
        "library-system-answers-late",
        "The library's own system lends over SIP2, but its answers come after the time-out.",
        "Who waits gets the loan once; of who left it is undone there; both books say the same.",
        "library_system:answers_late",
        more={"kiosk-1": PATIENT, "kiosk-2": HASTY},
        around="library_system:there",
    ),
    History(
        "clocks-wrong-by-a-day",
        "One kiosk's clock is a day ahead, one's a day behind, a bin has none; they go off line and return.",
        "Loans and returns are dated right and in order; what the bin did in a life that nobody heard is a"
        " guess, told by a case of the bin and one of the item.",
        "clocks:wrong_by_a_day",
        stations={"kiosk-1": "kiosk", "kiosk-2": "kiosk", "bin-1": "bin"},
        around="clocks:wrong",
    ),
    History(
        "two-hundred-replay-a-day",
        "After a day alone, two hundred stations bring it at once, and somebody borrows meanwhile.",
        "Every fact is in the ledger once and in order, and the loan is granted while the patron waits.",
        "fleet:replays",
        stations=ONE,
        more={"kiosk-1": PATIENT},
        around="fleet:enrolled",
    ),
)
BY_NAME = {history.name: history for history in HISTORIES}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one history."""

    name: str
    ok: bool
    expected: str
    seen: str
    facts: int
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "history": self.name, "ok": self.ok, "expected": self.expected, "seen": self.seen,
            "facts": self.facts, "seconds": self.seconds,
        }  # fmt: skip

    def as_text(self) -> str:
        """Return it for people."""
        head = f"{'✔' if self.ok else '✖'} {self.name} ({self.seconds:.1f} s, {self.facts} facts)"
        return f"{head}\n    expected  {self.expected}\n    seen      {self.seen}"


async def play(history: History, folder: Path, say: Progress = lambda _: None) -> Outcome:
    """Play one history in a folder, which is emptied first; raises ConfigError when a part does not start."""
    from sim.histories.ending import Ending
    from sim.histories.house import House

    act: Play = _named(history.play)
    around: Around = _named(history.around) if history.around else _nothing_more
    house = House(folder, stations=dict(history.stations), station_more=history.more)
    ending = Ending(house)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with around(house):
        await _through(house, history, act, ending, say)
    seconds = round(loop.time() - began, 1)
    return Outcome(history.name, ending.ok, history.end, ending.words, ending.facts, seconds)


@asynccontextmanager
async def _nothing_more(_: "House") -> AsyncIterator[None]:
    yield


def _named(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(f"sim.histories.{module}"), function)


async def _through(house: "House", history: History, act: Play, ending: "Ending", say: Progress) -> None:
    from sim.histories.house import Stuck

    try:
        await house.start(say)
        say(history.what)
        watching = asyncio.create_task(house.watch(), name="onlooker")
        try:
            if house.listens:
                await house.until(house.onlooker.connected.is_set, "the onlooker connected")
            await act(house, ending)
        except Stuck as error:
            ending.see("the history", error.seen, "comes to its end")
        finally:
            watching.cancel()
            await asyncio.wait({watching})
    finally:
        await house.stop()


async def play_in(history: History, folder: Path | None, say: Progress) -> Outcome:
    """Play one history in a folder below `folder`, which is kept, or in a temporary one, which is not."""
    if folder is not None:
        return await play(history, folder / history.name, say)
    temporary = Path(tempfile.mkdtemp(prefix="turnleaf-history-"))
    try:
        return await play(history, temporary, say)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
