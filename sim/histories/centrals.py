"""Histories of central: two of them, an old one, one with a fault."""

import shutil
from pathlib import Path
from typing import Any

import central as the_package
from central.ledger.lock import LedgerHeld
from sim.histories.ending import Ending
from sim.histories.house import House
from sim.processes import Daemon
from sim.stage import HOST, OPERATOR
from wire.errors import ConfigError

FAULT = '''

def _secured(scene: Scene, body: Secured) -> str:
    """What this release does with the report of a secured tag: a fault that nobody foresaw."""
    raise ArithmeticError("this release divides by the number of tags")
'''
"""Appended to a copy of `central/desk_facts.py`."""
REFUSED = "another central works on this ledger"
LOANS = "SELECT request, item, patron, due, ended IS NULL, withdrawn, tag FROM loan ORDER BY request"


def _another(house: House, name: str, **env: str) -> Daemon:
    """Return one more central with the same settings; it is not started."""
    command = ("central", "run", "--config", str(house.folder / "central.toml"))
    return Daemon(name, command, house.folder / f"{name}.log", env)


async def second_central(house: House, ending: Ending) -> None:
    """A second one is started while the first works."""
    item, person = house.library[0].item, house.people[1]
    second = _another(house, "second")
    said = "ready"
    try:
        await second.start()
    except ConfigError:
        said = REFUSED if REFUSED in second.last_words() else "something else"
    finally:
        await second.stop()
    ending.see("what the second said", said, REFUSED)
    ending.see("its exit code", second.code, LedgerHeld.exit_code)
    await house.borrow("kiosk-1", person, item)
    await house.at_rest()
    ending.see("the first", "works" if house.daemons["central"].pid else "ended", "works")
    ending.item("the item", item, loan=f"open of {person.patron}", tag="unsecured")
    ending.account()


async def paused_central_woken(house: House, ending: Ending) -> None:
    """The first stands still with a request in its socket, the other takes over, the first wakes up."""
    item, person, first = house.library[0].item, house.people[1], house.daemons["central"]
    async with house.visit("kiosk-1", person):
        first.pause(True)
        house.world.lay(item, "kiosk-1")
        await house.until(lambda: house.edge("kiosk-1").phase(item) == "waiting", "a request written down")
        house.ledger_path.with_name(house.ledger_path.name + "-lock").unlink()
        other = house.daemons["the other"] = _another(house, "the other")
        await other.start()
        await house.lent(item)
        await house.edge("kiosk-1").settled(house, item)
    await house.at_rest()
    first.pause(False)
    await house.until(lambda: not first.pid, "the first ended")
    ending.see("the exit code of the first", first.code, 3)
    ending.see("the other", "works" if other.pid else "ended", "works")
    await house.give_back("kiosk-1", item)
    await house.arrived()
    ending.item("the item, lent by the other and returned", item, loan="none", tag="secured")
    ending.see("loans of it", ending.ask("SELECT count(*) FROM loan WHERE item = ?", item)[0][0], 1)
    ending.account()


async def restored_from_yesterday(house: House, ending: Ending) -> None:
    """A copy, a day's work, the ledger lost, the copy put back."""
    kept, back, again, new = (book.item for book in house.library[:4])
    yesterday, today, other = house.people[1:4]
    await house.borrow("kiosk-1", yesterday, kept, back)
    await house.arrived()
    until_yesterday = house.journal()
    url, copies = f"sqlite:///{house.ledger_path}", str(house.folder / "copies")
    await house.command("ledger", "backup", copies, "--db", url)
    await house.drop("bin-1", back)
    await house.borrow("kiosk-1", today, back, again)
    await house.drop("bin-1", again)
    await house.borrow("kiosk-1", other, new)
    await house.arrived()
    before, answers = ending.ask(LOANS), _answers(ending)
    first = house.daemons["central"]
    await first.kill()
    await house.command("ledger", "restore", copies, "--db", url)
    ending.see("the copy holds", "yesterday" if house.journal() == until_yesterday else "more", "yesterday")
    await first.start()
    await house.arrived()
    ending.see("loans", "the same" if ending.ask(LOANS) == before else "others", "the same")
    ending.see("answers", "the same" if _answers(ending) == answers else "others", "the same")
    ending.item("what was returned and lent today", back, loan=f"open of {today.patron}", tag="unsecured")
    ending.item("what was lent and returned today", again, loan="none", tag="secured")
    ending.see("facts that the stations brought", len(house.journal() - until_yesterday), 10)
    ending.account()


def _answers(ending: Ending) -> list[tuple[Any, ...]]:
    return ending.ask("SELECT request, outcome, item, due, renewed, refusal FROM answer ORDER BY request")


async def release_that_cannot_apply(house: House, ending: Ending) -> None:
    """Central is updated to a release with a fault, and then to one without."""
    returned, lent = house.library[0].item, house.library[1].item
    first, second = house.people[1:3]
    await house.borrow("kiosk-1", first, returned)
    release = house.folder / "release"
    package = Path(the_package.__file__ or "").parent
    shutil.copytree(package, release / "central", ignore=shutil.ignore_patterns("__pycache__"))
    faulty = release / "central" / "desk_facts.py"
    faulty.write_text(faulty.read_text() + FAULT)
    sound = house.daemons["central"]
    await sound.stop()
    bad = house.daemons["the release"] = _another(
        house, "the release", PYTHONPATH=f"{release}:{release_path()}", PYTHONSAFEPATH="1"
    )
    await bad.start()
    await house.drop("bin-1", returned)
    await house.until(lambda: _parked(ending) != [], "a stream parked")
    await house.borrow("kiosk-1", second, lent)
    await house.at_rest("kiosk-1")
    ending.see("streams that are parked", ", ".join(_parked(ending)), "bin-1")
    ending.see("entries that wait at the bin", house.edge("bin-1").open(), 1)
    ending.item("what is lent meanwhile", lent, loan=f"open of {second.patron}", tag="unsecured")
    await bad.stop()
    await sound.start()
    broker = f"{HOST}:{house.broker.ports.operators}"
    cert = str(house.identity(OPERATOR))
    await house.command("stream", "retry", "bin-1", "--broker", broker, "--cert", cert)
    await house.arrived()
    ending.see("streams that are parked in the end", ", ".join(_parked(ending)) or "none", "none")
    ending.item("what was returned", returned, loan="none", tag="secured")
    ending.account()


def release_path() -> str:
    """Return the folder of the packages of this installation."""
    return str(Path(the_package.__file__ or "").parents[1])


def _parked(ending: Ending) -> list[str]:
    return [row[0] for row in ending.ask("SELECT station FROM stream WHERE parked_id IS NOT NULL")]
