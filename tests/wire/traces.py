"""The shortest histories of docs/streams.md §4, each played by the two real ends.

    python traces.py NAME...      plays them and prints the problems found, one a line; exit 1 if any

The right code has none. A mutant (`mutants/`) is a copy of the tree with one rule taken out, and this
command, run there, must find something.
"""

import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from streams_world import Disk, World

from wire.messages.stream import Answer, Entry, Resume


def settled(world: World) -> Disk:
    """One station in step, its `began` applied."""
    disk = world.disks[0]
    disk.connect()
    world.settle()
    return disk


def two_kiosks(world: World) -> tuple[Disk, Disk]:
    k1, k2 = settled(world), world.add_disk("k2")
    k2.connect()
    world.settle()
    return k1, k2


def backup(world: World) -> Path:
    path = world.folder / "backup.db"
    world.central.backup(path)
    return path


def snapshot(world: World, disk: Disk) -> Path:
    path = world.folder / "snapshot.db"
    disk.copy_to(path)
    return path


def lend(world: World, disk: Disk, patron: str = "p1") -> str:
    """A whole checkout: request, answer, tag written, reported."""
    request = disk.request(patron=patron)
    world.settle()
    disk.write_tag(request)
    disk.report_tag(request)
    world.settle()
    return request


def entry(world: World, seq: int) -> int:
    """Where in the network upward entry `seq` is."""
    return next(
        at for at, sent in enumerate(world.up) if isinstance(sent.message, Entry) and sent.message.seq == seq
    )


# --- streams ---------------------------------------------------------------------------------------


def a_hello_comes_twice(world: World) -> None:
    disk = world.disks[0]
    disk.connect()
    world.deliver_up(keep=True)
    hello = world.up.pop(0)
    world.settle()
    disk.append()
    world.settle()
    world.up.append(hello)
    world.settle()


def the_broker_loses_everything(world: World) -> None:
    disk = settled(world)
    disk.append()
    world.up.clear()


def restored_while_the_station_is_idle(world: World) -> None:
    disk = settled(world)
    old = backup(world)
    disk.append()
    world.settle()
    world.restart_central(old)


def a_clone_writes_as_the_original_does(world: World) -> None:
    a = settled(world)
    b = world.add_disk("k1", snapshot(world, a))
    a.cut()
    for disk in (a, b):
        disk.append()
        disk.append()
    b.connect()
    world.settle()
    a.connect()
    world.settle()


def one_clones_entry_on_top_of_the_others(world: World) -> None:
    a = settled(world)
    b = world.add_disk("k1", snapshot(world, a))
    b.connect()
    world.settle()
    a.connect()
    world.settle()
    b.connect()
    world.settle()
    a.append()
    a.append()
    b.append()
    third = world.up[entry(world, 3)]
    world.up = [
        sent for sent in world.up if isinstance(sent.message, Entry) and sent.message.id == b.ids()[-1]
    ]
    world.deliver_up()
    world.up.append(third)
    world.deliver_up()


def pruned_where_a_clone_has_another_entry(world: World) -> None:
    a = settled(world)
    old = backup(world)
    b = world.add_disk("k1", snapshot(world, a))
    a.append()
    world.settle()
    a.prune()
    a.cut()
    world.restart_central(old)
    b.connect()
    world.settle()
    b.append()
    world.settle()
    b.cut()
    a.append()
    a.connect()
    world.settle()


def a_fork_sends_what_was_applied(world: World) -> None:
    a = settled(world)
    a.append()
    world.settle()
    image = snapshot(world, a)
    a.append()
    a.cut()
    b = world.add_disk("k1", image)
    b.connect()
    b.append()
    world.settle()


def a_fork_after_a_restore(world: World) -> None:
    a = settled(world)
    old = backup(world)
    b = world.add_disk("k1", snapshot(world, a))
    a.cut()
    b.connect()
    world.settle()
    b.append()
    world.settle()
    b.cut()
    world.restart_central(old)
    a.connect()
    world.settle()
    a.append()
    world.settle()
    a.cut()
    b.connect()
    world.settle()


def an_old_resume_after_a_restore(world: World) -> None:
    a = settled(world)
    old = backup(world)
    a.append()
    world.deliver_up()
    late = next(sent for sent in world.down if isinstance(sent.message, Resume))
    world.settle()
    world.restart_central(old)
    a.connect()
    world.deliver_up()
    world.deliver_down()
    world.up.clear()
    for _ in range(2):
        world.down.append(late)
        world.deliver_down()
    a.prune()


def pruned_before_a_restore(world: World) -> None:
    a = settled(world)
    old = backup(world)
    a.append()
    world.settle()
    a.prune()
    world.restart_central(old)


def a_claimed_row_is_rolled_back(world: World) -> None:
    a = settled(world)
    image = snapshot(world, a)
    a.append()
    a.connect()
    world.up = [sent for sent in world.up if not isinstance(sent.message, Entry)]
    world.deliver_up()
    world.down.clear()
    world.roll_back(a, image, [])


def a_new_claim_over_an_old_one(world: World) -> None:
    a_claimed_row_is_rolled_back(world)
    a = world.disks[0]
    a.append()
    a.append()
    a.connect()
    world.settle()


def another_row_under_a_claimed_number(world: World) -> None:
    a = settled(world)
    image = snapshot(world, a)
    b = world.add_disk("k1", image)
    b.connect()
    world.settle()
    a.cut()
    a.append()
    a.connect()
    world.deliver_up()
    world.down.clear()
    b.append()
    world.settle()
    world.roll_back(a, image, [])


def a_station_made_anew(world: World) -> None:
    a = settled(world)
    a.append()
    a.connect()
    world.up = [sent for sent in world.up if not isinstance(sent.message, Entry)]
    world.deliver_up()
    world.down.clear()
    world.roll_back(a, None, [])
    a.connect()
    world.settle()


def a_bug_at_central(world: World) -> None:
    a = settled(world)
    a.append("poison")
    a.append()
    world.settle()


def central_dies_before_it_commits(world: World) -> None:
    a = settled(world)
    world.central.dies = True
    a.append()
    world.settle()
    a.prune()


def pruned_when_published(world: World) -> None:
    a = settled(world)
    a.append()
    a.prune()
    world.up.clear()


def a_central_that_slept(world: World) -> None:
    a = settled(world)
    a.append()
    world.pause()
    a.connect()
    world.settle()
    world.wake()


# --- lending ---------------------------------------------------------------------------------------


def asleep_over_a_withdrawal(world: World) -> None:
    k1, k2 = two_kiosks(world)
    lend(world, k1)
    second = k2.request(patron="p2")
    world.settle()
    k2.withdraw(second)
    world.pause()
    k1.connect()
    world.settle()
    k1.take_back()
    world.settle()
    world.wake()


def asleep_while_granting(world: World) -> None:
    (k1,) = world.disks
    settled(world)
    k1.request()
    world.pause()
    world.central.blocked.add("p1")
    k1.connect()
    world.settle()
    world.wake()


def an_old_refusal_after_a_restore(world: World) -> None:
    k1 = settled(world)
    old = backup(world)
    world.central.blocked.add("p1")
    k1.request()
    world.deliver_up(keep=True)
    request = world.up.pop()
    refusal = next(sent for sent in world.down if isinstance(sent.message, Answer))
    world.down.clear()
    world.central.blocked.clear()
    world.restart_central(old)
    world.up.append(request)
    world.deliver_up()
    world.down = [refusal]
    world.deliver_down()
    assert_refused_is_told(k1)


def assert_refused_is_told(disk: Disk) -> None:
    """Whoever still waits is told "not lent" in the end."""
    for request, phase in list(disk.store.phases.items()):
        if phase == "waiting":
            disk.withdraw(request)


def refused_then_restored(world: World) -> None:
    k1 = settled(world)
    old = backup(world)
    world.central.blocked.add("p1")
    k1.request()
    world.settle()
    world.central.blocked.clear()
    world.restart_central(old)


def a_crash_while_the_tag_is_written(world: World) -> None:
    k1 = settled(world)
    request = k1.request()
    world.settle()
    if k1.told[request] == "writing":
        world.clear.add("X")
    k1.crash()


def a_crash_after_the_patron_was_told(world: World) -> None:
    k1 = settled(world)
    request = k1.request()
    world.up.clear()
    k1.withdraw(request)
    k1.crash()


def a_crash_while_waiting(world: World) -> None:
    k1 = settled(world)
    k1.request()
    k1.crash()


def a_late_withdrawal(world: World) -> None:
    k1, k2 = two_kiosks(world)
    k1.cut()
    first = k1.request()
    k1.withdraw(first)
    lend(world, k2, "p2")
    k1.connect()
    world.settle()


def a_late_return(world: World) -> None:
    k1, k2 = two_kiosks(world)
    lend(world, k1)
    k2.cut()
    k2.take_back()
    lend(world, k1, "p2")
    k2.connect()
    world.settle()


def a_late_checkout(world: World) -> None:
    k1, k2 = two_kiosks(world)
    old = backup(world)
    lend(world, k1)
    k1.cut()
    world.restart_central(old)
    k2.connect()
    world.settle()
    k2.take_back()
    world.settle()


def a_second_request_withdrawn(world: World) -> None:
    k1, k2 = two_kiosks(world)
    lend(world, k1)
    second = k2.request(patron="p2")
    world.settle()
    k2.withdraw(second)
    world.settle()


def a_clone_withdraws_late(world: World) -> None:
    k1 = settled(world)
    request = k1.request()
    image = snapshot(world, k1)
    world.settle()
    k1.write_tag(request)
    k1.report_tag(request)
    world.settle()
    k1.cut()
    clone = world.add_disk("k1", image)
    clone.connect()
    world.settle()


def a_clone_withdraws_early(world: World) -> None:
    k1 = settled(world)
    request = k1.request()
    image = snapshot(world, k1)
    world.settle()
    k1.write_tag(request)
    k1.cut()
    clone = world.add_disk("k1", image)
    clone.connect()
    world.settle()
    clone.cut()
    k1.report_tag(request)
    k1.connect()
    world.settle()


def lent_twice(world: World) -> None:
    k1, k2 = two_kiosks(world)
    k1.request()
    world.settle()
    k1.cut()
    second = k2.request(patron="p2")
    world.settle()
    k2.write_tag(second)
    k2.report_tag(second)
    world.settle()
    k1.crash()


def play(trace: Callable[[World], None], folder: Path) -> list[str]:
    """Play one trace, let faults stop, and return what does not hold."""
    world = World(folder)
    try:
        trace(world)
        world.drain()
        return world.problems() + world.lending_problems()
    finally:
        world.close()


TRACES = {
    name: found
    for name, found in list(globals().items())
    if callable(found)
    and getattr(found, "__module__", "") == __name__
    and found.__annotations__ == {"world": World, "return": None}
}


def main(names: list[str]) -> int:
    worst = 0
    for name in names or TRACES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                problems = play(TRACES[name], Path(folder))
            except Exception as error:  # a mutant may break anything; that, too, is found
                traceback.print_exc()
                problems = [f"{type(error).__name__}: {error}"]
        for problem in problems:
            print(f"{name}: {problem}")
            worst = 1
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
