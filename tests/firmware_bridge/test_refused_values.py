"""What cannot be written, or asked, is refused with its name before a byte goes out; odd answers are read or named."""

from collections.abc import Callable

import pytest

from firmware_bridge.errors import FrameError, TagError
from firmware_bridge.feig import control, custom
from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import code40, extensions, gs1_epc, isil, iso15962
from firmware_bridge.tags.convert import NoPlan, plan
from firmware_bridge.tags.danish import BasicBlock, Extension, encode_block
from firmware_bridge.tags.elements import Element
from firmware_bridge.tags.gs1_epc import Epc96
from firmware_bridge.tags.image import Statement, image
from firmware_bridge.tags.iso15962 import Compaction, CompactionError
from firmware_bridge.tags.reading import NoContent, identify

UID = "E00401000000000A"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: extensions.write(4, {"shelf": "A"}), "has no field shelf"),
        (lambda: extensions.write(4, {"title": "a\0b"}), "no zero byte"),
        (lambda: extensions.write(4, {"title": "a" * 252}), "do not fit an extension block"),
        (lambda: code40.encode("A\U0001f4d6"), "cannot be written in Code 40"),
        (lambda: gs1_epc.encode(Epc96("sgtin", 1, "12345", "0", 1)), "6 to 12 digits"),
        (lambda: gs1_epc.encode(Epc96("grai", 1, "123456789012", "1", 1)), "the reference has 0 digits"),
        (lambda: gs1_epc.encode(Epc96("grai", 1, "123456789012", "", 1 << 38)), "38 bits"),
        (lambda: isil.encode("DE_290"), "cannot stand in an ISIL"),
        (lambda: iso15962.encode("\u0142", Compaction.OCTET), "does not have"),
        (lambda: iso15962.encode("x", Compaction.APPLICATION), "made by the data element"),
        (lambda: encode_block(BasicBlock("1", "DE-1"), 31), "needs 32 bytes, not 31"),
        (lambda: encode_block(BasicBlock("1", "DE-1", extensions=(Extension(4, b"x" * 90),)), 112), "do not fit"),
        (lambda: encode_block(BasicBlock("1\n", "DE-1")), "no control characters"),
        (lambda: image(Statement("1", "DE-1"), "iso28560-3", 24, 4), "an item needs 32"),
        (lambda: image(Statement("1" * 300, "DE-1"), "iso28560-2", 112, 4), "do not fit"),
        (lambda: control.login(b"123"), "4 bytes"),
        (lambda: control.read_configuration(64), "0 to 63"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_and_says_why(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_compaction_that_its_element_alone_knows_is_not_guessed() -> None:
    with pytest.raises(CompactionError, match="its data element knows"):
        iso15962.decode(b"\x41", Compaction.APPLICATION)


@pytest.mark.parametrize(
    ("extension", "read"),
    [
        (Extension(1, b""), None),
        (Extension(4, b"a\0b"), None),
        (Extension(4, b"a\x01b"), None),
        (Extension(4, b"caf\xe9"), {"title": "café"}),
        (Extension(3, b"A1\0\0\0"), {"shelf_location": "A1"}),
        (Extension(300, b"x"), None),
    ],
)
def test_an_extension_block_is_read_whole_or_kept_as_it_is(
    extension: Extension, read: dict[str, object] | None
) -> None:
    assert read == extensions.read(extension)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x01\x0f\x00\x00", TagError),
        (b"\x00\x00\x00", FrameError),
        (b"\x01" + bytes(36), FrameError),
        (bytes(1 + 32 + 2), FrameError),
    ],
)
def test_what_is_no_eas_sequence_is_never_taken_for_one(data: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        custom.parse_sequence(data)


def test_an_eas_lock_is_addressed_to_the_one_tag() -> None:
    assert custom.lock_eas(UID).payload == bytes.fromhex("04A401") + bytes.fromhex(UID)


def test_a_tag_too_small_for_the_other_model_is_left_as_it_is() -> None:
    values = encode_block(BasicBlock("abcdefghijklmnop", "US-InUMu", parts=2, part=1), 32)
    memory = TagMemory(UID, values, 4, 0x07, None, 8)
    made = plan(memory, "iso28560-2")

    assert isinstance(made, NoPlan)
    assert made.why == "does-not-fit"


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "blank"), (bytes(32), "blank"), (b"\xff" * 8, "unknown"), (b"\x11" * 3, "unknown")],
)
def test_whatever_is_short_or_empty_has_a_name(content: bytes, why: str) -> None:
    found = identify(TagMemory(UID, content, 4, None, None, len(content) // 4))

    assert isinstance(found, NoContent)
    assert found.why == why


def test_a_media_format_stands_in_the_library_block_beside_a_long_item() -> None:
    said = Statement("A" * 20, "DE-290", elements={Element.MEDIA_FORMAT_OTHER: b"\x02", Element.TITLE: "T"})
    found = identify(TagMemory(UID, image(said, "iso28560-3", 112, 4), 4, 7, 0x3E, 28))

    assert getattr(found, "item", "") == "A" * 20
    raw = getattr(found, "raw", None)
    assert isinstance(raw, BasicBlock)
    assert extensions.read(raw.extensions[0]) == {"media_format": 2, "item": "A" * 20}
