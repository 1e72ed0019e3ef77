"""The tag station's EAS, its model, and tags written in the order in which books are scanned."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from test_tag_station import OWNER, ROOT, blank, settings, turnleaf

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import extensions
from firmware_bridge.tags.danish import BasicBlock, encode_block
from firmware_bridge.tags.reading import TagContent, identify
from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag


@pytest.fixture
async def pad() -> AsyncIterator[FeigPad]:
    found = FeigPad()
    await found.start()
    yield found
    await found.stop()


def content(tag: SimTag) -> TagContent:
    memory = TagMemory(tag.uid, bytes(tag.memory), tag.block_size, tag.afi, tag.dsfid, tag.blocks)
    found = identify(memory)
    assert isinstance(found, TagContent), found
    return found


def station(folder: Path, pad: FeigPad, more: str = "") -> Path:
    path = settings(folder, pad)
    path.write_text(path.read_text() + more)
    return path


async def told(*words: object) -> tuple[int, list[dict[str, Any]], str]:
    async with turnleaf(*words) as command:
        assert command.process.stdout is not None
        async with asyncio.timeout(20):
            lines = [json.loads(line) async for line in command.process.stdout]
        return await command.end(), lines, command.said


# --- EAS ------------------------------------------------------------------------------------------


async def test_eas_is_asked_set_and_cleared_and_what_was_heard_is_told(tmp_path: Path, pad: FeigPad) -> None:
    tags = [blank(1), blank(2)]
    for tag in tags:
        pad.place(tag)
    path = station(tmp_path, pad)

    for order, wanted in (("check", False), ("on", True), ("check", True), ("off", False)):
        code, lines, _ = await told("tag", "eas", order, "--station", path)
        assert (code, [line["eas"] for line in lines]) == (0, [wanted, wanted])
        assert [tag.eas for tag in tags] == [wanted, wanted]


async def test_a_tag_that_cannot_be_asked_is_not_known_and_never_off(tmp_path: Path, pad: FeigPad) -> None:
    locked, other = blank(1), SimTag(uid="E007000000000001")
    locked.eas_locked = True
    for tag in (locked, other):
        pad.place(tag)

    code, lines, _ = await told("tag", "eas", "on", "--station", station(tmp_path, pad))
    assert code == 1
    assert [(line["eas"], line["ok"]) for line in lines] == [(False, False), (None, False)]
    assert "no EAS that is known" in lines[1]["reason"]
    assert (await told("tag", "eas", "check", "--station", tmp_path / "tags.toml"))[1][1]["eas"] is None


async def test_the_eas_of_another_librarys_tag_is_asked_and_never_changed(
    tmp_path: Path, pad: FeigPad
) -> None:
    foreign = SimTag.for_item("E004010000000F01", "999", "DE-290")
    pad.place(foreign)
    path = station(tmp_path, pad)

    code, lines, _ = await told("tag", "eas", "on", "--station", path)
    assert (code, lines[0]["eas"], lines[0]["ok"]) == (1, False, False)
    assert "belongs to DE-290" in lines[0]["reason"]
    assert foreign.eas_log == []
    assert (await told("tag", "eas", "check", "--station", path))[0] == 0


async def test_a_library_with_eas_gets_both_marks_on_a_new_tag(tmp_path: Path, pad: FeigPad) -> None:
    path = station(tmp_path, pad, "eas = true\n")
    tag = blank(1)
    pad.place(tag)
    code, lines, _ = await told("tag", "write", "--station", path, "--item", "30000001")
    assert (code, lines[0]["outcome"], tag.afi, tag.eas) == (0, "written", 0x07, True)

    tag.eas = False
    code, lines, _ = await told("tag", "verify", "--station", path)
    assert code == 1
    assert lines[0]["security"] == "unknown"
    assert lines[0]["problems"] == ["its marks disagree: AFI 07: secured, EAS off: lent"]


# --- the model ------------------------------------------------------------------------------------


async def test_a_library_of_part_2_gets_part_2_and_its_storage_format(tmp_path: Path, pad: FeigPad) -> None:
    path = station(tmp_path, pad, 'model = "iso28560-2"\n')
    tag = blank(1)
    pad.place(tag)
    code, lines, _ = await told(
        "tag", "write", "--station", path, "--item", "30000001", "--part", 2, "--parts", 3
    )

    assert (code, lines[0]["outcome"]) == (0, "written")
    found = content(tag)
    assert (found.model, found.item, found.owner, found.part, found.parts) == (
        "iso28560-2", "30000001", OWNER, 2, 3,
    )  # fmt: skip
    assert tag.dsfid == 0x06
    assert (await told("tag", "verify", "--station", path))[0] == 0
    code, lines, _ = await told(
        "tag", "lock", "--station", path, "--item", "30000001", "--part", 2, "--parts", 3, "--yes"
    )
    assert code == 0
    assert tag.locked == set(range(lines[0]["blocks"]))
    assert lines[0]["blocks"] < tag.blocks


async def test_the_same_item_in_another_model_is_named_and_left(tmp_path: Path, pad: FeigPad) -> None:
    path = station(tmp_path, pad, 'model = "iso28560-2"\n')
    tag = SimTag.for_item("E004010000000001", "30000001", OWNER)
    before = bytes(tag.memory)
    pad.place(tag)
    async with turnleaf("tag", "write", "--station", path, "--item", "30000001") as command:
        said = await command.next()
        command.process.kill()

    assert (said["outcome"], said["why"]) == ("refused", "other-model")
    assert tag.memory == before


async def test_nothing_of_an_earlier_item_is_left_on_a_tag(tmp_path: Path, pad: FeigPad) -> None:
    tag = blank(1)
    title = (extensions.write(4, {"title": "A TITLE OF SOMEBODY ELSE"}),)
    tag.memory[:] = encode_block(BasicBlock("99999999", "DE-290", extensions=title), 112)
    tag.memory[-4:] = b"\x00\x00\x07\x01"  # the counter of an ICODE SLIX2, or another system's
    pad.place(tag)
    code, _, _ = await told(
        "tag", "write", "--station", station(tmp_path, pad), "--item", "30000001", "--force", "bought"
    )

    assert code == 0
    assert content(tag).item == "30000001"
    assert not any(tag.memory[36:-4])
    assert tag.memory[-4:] == b"\x00\x00\x07\x01"


async def test_a_tag_keeps_the_order_in_which_its_system_wrote_it(tmp_path: Path, pad: FeigPad) -> None:
    tag = blank(1)
    tag.memory[:] = encode_block(BasicBlock("99999999", "DE-290", order="blocks-reversed"), 112)
    pad.place(tag)
    await told("tag", "write", "--station", station(tmp_path, pad), "--item", "30000001", "--force", "bought")

    found = content(tag)
    assert isinstance(found.raw, BasicBlock)
    assert (found.item, found.raw.order) == ("30000001", "blocks-reversed")


# --- by scanner -----------------------------------------------------------------------------------


class Hand:
    """A person with a scanner that types into the command."""

    def __init__(self, process: asyncio.subprocess.Process, scanner: int) -> None:
        self._process = process
        self._scanner = scanner

    def scan(self, *numbers: str) -> None:
        os.write(self._scanner, "".join(f"{number}\r\n" for number in numbers).encode())

    def put_down(self) -> None:
        os.close(self._scanner)
        self._scanner = -1

    async def hears(self, words: str) -> None:
        """Wait until the command says so."""
        assert self._process.stderr is not None
        async with asyncio.timeout(20):
            while True:
                line = (await self._process.stderr.readline()).decode()
                assert line, f"it never said {words!r}"
                if words in line:
                    return

    async def result(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            return dict(json.loads(await self._process.stdout.readline()))

    async def end(self) -> int:
        if self._scanner >= 0:
            self.put_down()
        async with asyncio.timeout(20):
            return await self._process.wait()


@asynccontextmanager
async def scanning(path: Path) -> AsyncIterator[Hand]:
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnleaf", "tag", "write", "--station", str(path), "--from-scanner", "--json",
        cwd=ROOT, stdin=reading, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(reading)
    hand = Hand(process, writing)
    try:
        await hand.hears("scan the number")
        yield hand
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if hand._scanner >= 0:
            hand.put_down()


async def test_each_scanned_number_goes_onto_the_tag_that_is_laid_down_after_it(
    tmp_path: Path, pad: FeigPad
) -> None:
    tags = [blank(number) for number in range(3)]
    async with scanning(station(tmp_path, pad)) as hand:
        for number, tag in enumerate(tags):
            hand.scan(f"3000000{number}")
            await hand.hears("lay the book")
            pad.place(tag)
            done = await hand.result()
            assert (done["item"], done["uid"], done["outcome"]) == (f"3000000{number}", tag.uid, "written")
            await hand.hears("next:")
            pad.remove(tag.uid)
        hand.put_down()
        assert (await hand.result())["done"]["written"] == 3
        assert await hand.end() == 0

    assert [content(tag).item for tag in tags] == ["30000000", "30000001", "30000002"]


async def test_two_tags_are_refused_and_neither_is_touched(tmp_path: Path, pad: FeigPad) -> None:
    tags = [blank(1), blank(2)]
    for tag in tags:
        pad.place(tag)
    async with scanning(station(tmp_path, pad)) as hand:
        hand.scan("30000001")
        await hand.hears("2 tags lie on the pad")
        hand.put_down()
        assert (await hand.result())["done"]["written"] == 0
        assert await hand.end() == 0

    assert not any(any(tag.memory) for tag in tags)


async def test_a_number_that_is_scanned_again_before_its_tag_came_is_void(
    tmp_path: Path, pad: FeigPad
) -> None:
    tag = blank(1)
    async with scanning(station(tmp_path, pad)) as hand:
        hand.scan("30000001")
        await hand.hears("lay the book")
        hand.scan("30000002")
        await hand.hears("30000001 was not written")
        await hand.hears("30000002: lay the book")
        pad.place(tag)
        assert (await hand.result())["item"] == "30000002"

    assert content(tag).item == "30000002"


async def test_the_book_of_before_that_still_lies_there_is_not_overwritten(
    tmp_path: Path, pad: FeigPad
) -> None:
    tag, other = blank(1), blank(2)
    async with scanning(station(tmp_path, pad)) as hand:
        hand.scan("30000001")
        await hand.hears("lay the book")
        pad.place(tag)
        await hand.result()
        hand.scan("30000002")
        refused = await hand.result()
        pad.remove(tag.uid)
        pad.place(other)
        hand.scan("30000001")
        twice = await hand.result()

    assert (refused["outcome"], refused["why"]) == ("refused", "other-item")
    assert content(tag).item == "30000001"
    assert (twice["outcome"], twice["why"]) == ("refused", "written-before")
    assert not any(other.memory)


async def test_a_list_in_a_file_is_no_scanner(tmp_path: Path, pad: FeigPad) -> None:
    numbers = tmp_path / "numbers"
    numbers.write_text("30000001\n30000002\n")
    with numbers.open() as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "turnleaf", "tag", "write", "--station", str(station(tmp_path, pad)),
            "--from-scanner", cwd=ROOT, stdin=file, stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(20):
            _, said = await process.communicate()

    assert process.returncode == 2
    assert b"--csv" in said
