"""The tag station as a person uses it: the command in a process, the production driver, a speaking pad."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.danish import BasicBlock, decode_block
from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag

OWNER = "DK-718500"
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def pad() -> AsyncIterator[FeigPad]:
    found = FeigPad()
    await found.start()
    yield found
    await found.stop()


def settings(folder: Path, pad: FeigPad) -> Path:
    path = folder / "tags.toml"
    path.write_text(
        f'state_dir = "state"\n[pad]\nhost = "127.0.0.1"\nport = {pad.port}\npoll_ms = 20\nowners = ["{OWNER}"]\n'
        f'[tags]\nowner = "{OWNER}"\n'
    )
    return path


def heeds_interrupts() -> None:
    """Let Ctrl-C be heard, also where the tests run in the background and inherit that it is not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`turnleaf …` in a process: its lines of JSON as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""
        self._reading = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said += line.decode()

    async def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            line = await self.process.stdout.readline()
        assert line, self.said
        return dict(json.loads(line))

    async def end(self) -> int:
        async with asyncio.timeout(20):
            code = await self.process.wait()
            await self._reading
        return code

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)


@asynccontextmanager
async def turnleaf(*words: object) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnleaf", *map(str, words), "--json", cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, preexec_fn=heeds_interrupts,
    )  # fmt: skip
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await command._reading


def blank(number: int) -> SimTag:
    return SimTag(uid=f"E00401000000{number:04X}", afi=0x00)


def content(tag: SimTag) -> BasicBlock:
    found = decode_block(bytes(tag.memory), 4)
    assert isinstance(found, BasicBlock), found
    return found


async def test_a_row_of_items_is_written_and_goes_on_after_a_kill(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    items = tmp_path / "items.csv"
    items.write_text("item\n" + "".join(f"3000000{number}\n" for number in range(4)))
    tags = [blank(number) for number in range(4)]
    words = ("tag", "write", "--station", station, "--csv", items)
    async with turnleaf(*words) as command:
        for number in range(2):
            pad.place(tags[number])
            done = await command.next()
            assert (done["item"], done["uid"], done["outcome"]) == (
                f"3000000{number}", tags[number].uid, "written",
            )  # fmt: skip
            pad.remove(tags[number].uid)
        command.process.kill()

    async with turnleaf(*words) as command:
        for number in range(2, 4):
            pad.place(tags[number])
            assert (await command.next())["item"] == f"3000000{number}"
            pad.remove(tags[number].uid)
        total = (await command.next())["done"]
        assert await command.end() == 0
    assert "2 of 4 are written already" in command.said
    assert total["written"] == 2
    assert [(content(tag).item, content(tag).owner, tag.afi) for tag in tags] == [
        (f"3000000{number}", OWNER, 0x07) for number in range(4)
    ]


async def test_a_foreign_or_locked_tag_is_refused_and_the_item_stays_next(
    tmp_path: Path, pad: FeigPad
) -> None:
    station = settings(tmp_path, pad)
    foreign = SimTag.for_item("E004010000000F01", "999", "DE-290")
    locked = blank(2)
    locked.locked = {4}
    before = bytes(foreign.memory), bytes(locked.memory)
    free = blank(3)
    async with turnleaf("tag", "write", "--station", station, "--item", "30000001") as command:
        for tag, why in ((foreign, "foreign"), (locked, "locked")):
            pad.place(tag)
            said = await command.next()
            assert (said["outcome"], said["why"]) == ("refused", why)
            pad.remove(tag.uid)
        pad.place(free)
        assert (await command.next())["outcome"] == "written"
        await command.next()
        assert await command.end() == 0

    assert (bytes(foreign.memory), bytes(locked.memory)) == before
    assert content(free).item == "30000001"


async def test_a_reason_overwrites_a_foreign_tag_and_stands_in_the_journal(
    tmp_path: Path, pad: FeigPad
) -> None:
    station = settings(tmp_path, pad)
    foreign = SimTag.for_item("E004010000000F01", "999", "DE-290")
    pad.place(foreign)
    why = "bought second hand"
    async with turnleaf(
        "tag", "write", "--station", station, "--item", "30000001", "--force", why
    ) as command:
        assert (await command.next())["outcome"] == "written"
        await command.next()
        assert await command.end() == 0

    assert content(foreign).item == "30000001"
    (journal,) = (tmp_path / "state").glob("tagging-*.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(line["what"], line.get("reason")) for line in lines] == [("begun", why), ("done", None)]
    assert bytes.fromhex(lines[0]["before"])[3:6] == b"999"


async def test_a_tag_that_goes_while_it_is_written_is_mended_when_it_is_back(
    tmp_path: Path, pad: FeigPad
) -> None:
    station = settings(tmp_path, pad)
    tag = blank(1)
    tag.leaves = "after"
    async with turnleaf("tag", "write", "--station", station, "--item", "30000001") as command:
        pad.place(tag)
        assert (await command.next())["outcome"] == "gone"
        pad.remove(tag.uid)
        others = blank(2), blank(3)
        for other in others:  # that two lie there is said, so the first one is known to be gone
            pad.place(other)
        async with asyncio.timeout(20):
            while "2 tags lie on the pad" not in command.said:
                await asyncio.sleep(0.02)
        for other in others:
            pad.remove(other.uid)
        pad.place(tag)
        assert (await command.next())["outcome"] == "written"
        await command.next()
        assert await command.end() == 0

    assert content(tag).item == "30000001"


async def test_legacy_tags_are_converted_and_one_that_was_cut_off_is_mended(
    tmp_path: Path, pad: FeigPad
) -> None:
    station = settings(tmp_path, pad)
    legacy = bytes.fromhex("0411000132303039303130313031323300000000ffffffff7fffffff00000000")
    tags = [blank(number) for number in range(2)]
    for tag in tags:
        tag.memory[: len(legacy)] = legacy
        tag.afi = 0xC2
    tags[1].leaves = "after"
    words = ("tag", "convert", "--station", station, "--to", "iso28560-3")
    async with turnleaf(*words) as command:
        for tag in tags:
            pad.place(tag)
        said = [await command.next() for _ in tags]
        assert {one["uid"]: one["outcome"] for one in said} == {tags[0].uid: "written", tags[1].uid: "gone"}
        command.process.kill()
    assert not isinstance(decode_block(bytes(tags[1].memory), 4), BasicBlock)
    pad.remove(tags[0].uid)

    async with turnleaf(*words) as command:
        pad.place(tags[1])
        assert (await command.next())["outcome"] == "written"
        command.interrupt()
        assert (await command.next())["done"]["written"] == 1
        assert await command.end() == 0
    assert f"tag {tags[1].uid} was cut off" in command.said
    assert [(content(tag).item, content(tag).owner, tag.afi) for tag in tags] == [
        ("200901010123", OWNER, 0xC2)
    ] * 2


async def test_two_tags_at_once_are_never_written(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    one, two = blank(1), blank(2)
    pad.place(one)
    pad.place(two)
    async with turnleaf("tag", "write", "--station", station, "--item", "30000001") as command:
        async with asyncio.timeout(20):
            while "2 tags lie on the pad" not in command.said:
                await asyncio.sleep(0.02)
        assert not any(one.memory + two.memory)
        pad.remove(two.uid)
        assert (await command.next())["uid"] == one.uid
        await command.next()
        assert await command.end() == 0


async def test_tags_are_read_verified_and_locked(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    tag = SimTag.for_item("E004010000000A01", "30000001", OWNER)
    pad.place(tag)
    async with turnleaf("tag", "read", "--station", station) as command:
        said = await command.next()
        assert await command.end() == 0
    assert (said["item"], said["owner"], said["security"], said["afi"]) == (
        "30000001",
        OWNER,
        "secured",
        "07",
    )

    async with turnleaf("tag", "lock", "--station", station, "--item", "30000001", "--yes") as command:
        assert (await command.next())["outcome"] == "written"
        assert await command.end() == 0
    assert tag.locked >= set(range(9))

    async with turnleaf("tag", "verify", "--station", station, "--item", "30000002") as command:
        assert (await command.next())["problems"] == ["not in the list"]
        assert await command.end() == 1
    async with turnleaf("tag", "verify", "--station", station) as command:
        assert (await command.next())["ok"] is True
        assert await command.end() == 0


async def test_what_comes_and_goes_is_told_until_it_is_interrupted(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    tag = SimTag.for_item("E004010000000A01", "30000001", OWNER)
    async with turnleaf("tag", "watch", "--station", station) as command:
        pad.place(tag)
        said = await command.next()
        assert (said["event"], said["item"]) == ("placed", "30000001")
        pad.remove(tag.uid)
        assert await command.next() == {"event": "removed", "uid": tag.uid}
        command.interrupt()
        assert await command.end() == 0


async def test_a_survey_reads_and_writes_nothing(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    tags = [SimTag.for_item(f"E00401000000{n:04X}", f"3000{n}", OWNER) for n in range(5)]
    for tag in tags:
        pad.place(tag)
    before = [bytes(tag.memory) for tag in tags]
    async with turnleaf("tag", "survey", "--station", station, "--count", 5) as command:
        said = await command.next()
        assert await command.end() == 0

    assert said["rows"] == [
        {"content": "item", "model": "iso28560-3", "afi": "07", "owner": OWNER, "locked": "none", "damage": "",
         "tags": 5}
    ]  # fmt: skip
    assert 'model = "iso28560-3"  # 5 tags' in said["settings"]
    assert f'owners = ["{OWNER}"]' in said["settings"]
    assert [bytes(tag.memory) for tag in tags] == before


async def test_a_shelf_is_read_against_a_list(tmp_path: Path, pad: FeigPad) -> None:
    station = settings(tmp_path, pad)
    pad.place(SimTag.for_item("E004010000000001", "1", OWNER))
    pad.place(SimTag.for_item("E004010000000003", "3", OWNER, afi=0xC2))
    items, out = tmp_path / "shelf.csv", tmp_path / "out.csv"
    items.write_text("item,shelf\n1,A\n2,A\n3,A\n")
    async with turnleaf("shelf", "--station", station, "--csv", items, "--out", out) as command:
        async with asyncio.timeout(20):
            while "2 tags" not in command.said:
                await asyncio.sleep(0.02)
        command.interrupt()
        said = await command.next()
        assert await command.end() == 1

    assert [(one["item"], one["finding"]) for one in said["findings"]] == [
        ("2", "missing"),
        ("3", "unsecured"),
    ]
    assert out.read_text().splitlines() == [
        "item,finding,detail",
        "1,here,",
        "2,missing,",
        "3,unsecured,its tag is unsecured",
    ]


def test_memory_of_a_simulated_tag_is_what_the_codec_reads() -> None:
    tag = SimTag.for_item("E004010000000001", "1", OWNER)

    assert TagMemory(tag.uid, bytes(tag.memory), 4, tag.afi, 0).blocks[3:4] == b"1"
