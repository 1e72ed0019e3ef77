"""Every model of item tag: published ones read, none taken for another, and one made from another."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.explain import (
    code40 as explain_code40,
)
from firmware_bridge.explain import (
    gen2_crc,
    iso28560_3,
    iso28560_4_epc,
    iso28560_4_user,
    legacy_3m501,
)
from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import code40, extensions, gs1_epc, iso28560_2, iso28560_4, legacy_3m
from firmware_bridge.tags.danish import BasicBlock, Extension, block_crc, decode_block, encode_block
from firmware_bridge.tags.elements import Element, SetInformation
from firmware_bridge.tags.iso28560_4 import Pc, Uii
from firmware_bridge.tags.reading import (
    BlankTag,
    DamagedTag,
    ForeignTag,
    ItemTag,
    NoContent,
    PatronTag,
    SecurityBits,
    TagContent,
    UnknownTag,
    decode_tag,
    decode_uhf,
    identify,
)

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
BITS = SecurityBits()
LEGACY = bytes.fromhex("0411000132303039303130313031323300000000ffffffff7fffffff00000000")
ANNEX_D = bytes.fromhex("9100051cbe991a140201d0140204b34607441cb6e2e335d6830207acc09ebaa06f6b0000")
LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789", max_size=40)
ITEMS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=16)


def of(kind: str) -> list[dict[str, Any]]:
    return [one for one in VECTORS if kind in one["standard"]]


def name(one: dict[str, Any]) -> str:
    return str(one["hex"])[:16]


def tag(
    content: bytes, *, dsfid: int | None = None, size: int = 112, locked: frozenset[int] = frozenset()
) -> TagMemory:
    return TagMemory("E00401008A5C982E", content.ljust(size, b"\0"), 4, 0x07, dsfid, size // 4, locked)


# --- published tags -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vector", [one for one in of("28560-3") if "CRC-16" not in one["standard"]], ids=name
)
def test_each_published_part_3_tag_is_explained(vector: dict[str, Any]) -> None:
    said, wanted = iso28560_3.explain(bytes.fromhex(vector["hex"])), vector["decoded"]

    assert said.valid
    assert said.fields["item"] == wanted["pii"]
    assert said.fields["crc"] == wanted["crc"].split()[0]
    if "isil" in wanted:
        assert said.fields["owner"].replace("-", "") == wanted["isil"].replace("-", "")
    for got, one in zip(said.fields["extensions"], wanted.get("ext", []), strict=False):
        assert got["id"] == one["id"]
        names = {"supplier": "supplier", "product_local": "product_local", "invoice": "invoice_number",
                 "media_format": "media_format"}  # fmt: skip
        for theirs, ours in names.items():
            if one.get(theirs):
                assert got[ours] == one[theirs]


@pytest.mark.parametrize("vector", of("3M RFID501"), ids=name)
def test_each_published_legacy_tag_is_read(vector: dict[str, Any]) -> None:
    found, wanted = legacy_3m.decode(bytes.fromhex(vector["hex"])), vector["decoded"]

    assert isinstance(found, legacy_3m.Legacy)
    assert (found.item, f"{found.part}/{found.parts}") == (wanted["content"], wanted["set"])
    assert str(found.type) == str(wanted["type"]).split()[0]
    for field in ("branch", "library", "custom"):
        assert getattr(found, field) == wanted.get(field, getattr(found, field))
    assert legacy_3m501.explain(bytes.fromhex(vector["hex"])).valid


@pytest.mark.parametrize("vector", of("Gen2 StoredCRC"), ids=name)
def test_each_published_crc_is_computed(vector: dict[str, Any]) -> None:
    assert gen2_crc.explain(bytes.fromhex(vector["hex"])).fields["crc"] == vector["decoded"]["crc"].lower()


def test_the_published_item_identifier_is_read_and_made() -> None:
    (uii,) = of("28560-4 UII")
    (bank,) = of("28560-4 EPC bank")
    data = bytes.fromhex(bank["hex"])
    said = iso28560_4_epc.explain(data)

    assert code40.decode(bytes.fromhex(uii["hex"])) == uii["decoded"]
    assert code40.encode(uii["decoded"]).hex() == uii["hex"]
    assert said.valid
    assert (said.fields["item"], said.fields["owner"], said.fields["parts"], said.fields["afi"]) == (
        "12345678", "CH-000134-1", 3, "c2",
    )  # fmt: skip
    assert (
        iso28560_4.encode_epc(Uii("12345678", "CH-000134-1", SetInformation(3, 1)), 0xC2, user_data=True)
        == data
    )


def test_the_published_user_bank_is_explained() -> None:
    (vector,) = of("MB11 user bank")
    said = iso28560_4_user.explain(bytes.fromhex(vector["hex"]))

    assert said.valid
    assert (said.fields["set_information"], said.fields["shelf_location"], said.fields["owner_institution"]) == (
        "1203", "QA268.L55", "US-InU-Mu",
    )  # fmt: skip


def test_long_numbers_and_headers_of_code_40_are_read() -> None:
    number, header = bytes.fromhex("10e2fb2102dddf7c4e00"), bytes.fromhex("19e9f871")

    assert explain_code40.explain(number).fields["text"] == "B.A12312345678"
    assert code40.encode("B.A12312345678") == number[:-1]
    assert "DE-290" in explain_code40.explain(header).fields["header"]


def test_an_epc_bank_with_its_crc_in_front_is_understood() -> None:
    bank = bytes.fromhex("45c2141cc04fc70badb5c6e2da1ded4dd319")
    said = iso28560_4_epc.explain(gen2_crc.stored_crc(bank).to_bytes(2, "big") + bank)

    assert said.valid
    assert (said.fields["crc"], said.fields["item"]) == (f"{gen2_crc.stored_crc(bank):04x}", "12345678")


# --- round and round ------------------------------------------------------------------------------


@given(LETTERS | st.text(max_size=20).filter(lambda text: all(0 < ord(one) < 0xD800 for one in text)))
def test_any_text_comes_back_from_code_40(text: str) -> None:
    assert code40.decode(code40.encode(text)) == text


@given(
    ITEMS,
    st.sampled_from(["", "DE-290", "CH-000134-1"]),
    st.integers(1, 99),
    st.integers(1, 99),
    st.booleans(),
)
def test_any_item_comes_back_from_an_epc_bank(
    item: str, owner: str, part: int, parts: int, lent: bool
) -> None:
    uii = Uii(item, owner, SetInformation(parts, part))
    afi = 0xC2 if lent else 0x07
    bank = iso28560_4.encode_epc(uii, afi)
    pc = int.from_bytes(bank[:2], "big")

    assert iso28560_4.decode_epc(bank[2:], Pc.of(pc)) == uii
    read = decode_uhf(bank[2:], pc, frozenset(), BITS)
    assert isinstance(read, ItemTag)
    assert (read.item, read.security) == (item, "unsecured" if lent else "secured")


@given(
    st.sampled_from(["sgtin", "grai"]), st.integers(0, 7), st.integers(6, 12), st.integers(0, 10**12),
    st.integers(0, 10**7), st.integers(0, (1 << 38) - 1),
)  # fmt: skip
def test_any_gs1_number_comes_back(
    scheme: Any, filter_: int, digits: int, company: int, reference: int, serial: int
) -> None:
    rest = (13 if scheme == "sgtin" else 12) - digits
    number = gs1_epc.Epc96(
        scheme, filter_, f"{company % 10**digits:0{digits}d}",
        f"{reference % 10**rest:0{rest}d}" if rest else "", serial,
    )  # fmt: skip

    assert gs1_epc.decode(gs1_epc.encode(number)) == number


def test_the_published_example_of_an_sgtin_is_made() -> None:
    number = gs1_epc.Epc96("sgtin", 3, "0614141", "812345", 6789)

    assert gs1_epc.encode(number).hex() == "3074257bf7194e4000001a85"
    assert number.uri == "urn:epc:id:sgtin:0614141.812345.6789"


@given(st.sampled_from([2, 3, 4, 5]), st.data())
def test_any_extension_block_comes_back(block: int, data: st.DataObject) -> None:
    texts = st.text(min_size=1, max_size=20).filter(str.isprintable)
    fields = data.draw(st.dictionaries(st.sampled_from(extensions.FIELDS[block]), texts))

    assert extensions.read(extensions.write(block, fields)) == fields


@pytest.mark.parametrize("order", ["plain", "blocks-reversed", "nibbles-swapped", "both"])
@given(item=ITEMS, title=st.text("abc XYZ", min_size=1, max_size=20).map(str.strip).filter(bool))
def test_a_tag_is_rewritten_in_the_order_in_which_it_was_found(order: Any, item: str, title: str) -> None:
    content = BasicBlock(
        item, "DK-718500", order=order, usage=2, extensions=(extensions.write(4, {"title": title}),)
    )
    memory = encode_block(content, 112)
    found = decode_block(memory)

    assert isinstance(found, BasicBlock)
    assert found.order == order
    assert encode_block(found, 112) == memory
    changed = decode_block(encode_block(replace(found, item="1" + item[:15]), 112))
    assert isinstance(changed, BasicBlock)
    assert (changed.order, changed.item, changed.extensions) == (order, "1" + item[:15], found.extensions)


def test_a_long_item_stands_in_the_library_block() -> None:
    item = "A-VERY-LONG-ITEM-IDENTIFIER"
    content = BasicBlock(
        item, "DK-718500", extensions=(extensions.write(1, {"media_format": 1, "item": item}),)
    )
    found = identify(tag(encode_block(content, 112)))

    assert isinstance(found, TagContent)
    assert found.item == item


def test_an_unknown_extension_block_is_kept_to_the_byte() -> None:
    vendor = Extension(300, b"\x01\x00\x02")
    memory = encode_block(BasicBlock("1", "DK-718500", extensions=(vendor,)), 112)
    said = iso28560_3.explain(memory)

    assert said.fields["extensions"] == [{"id": 300, "name": "unstructured", "hex": "010002"}]


# --- which model ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory", "model"),
    [
        (encode_block(BasicBlock("1", "DK-718500"), 112), "iso28560-3"),
        (ANNEX_D, "iso28560-2"),
        (LEGACY, "3m501"),
    ],
)
def test_each_model_is_recognised_without_a_dsfid(memory: bytes, model: str) -> None:
    found = identify(tag(memory))

    assert isinstance(found, TagContent)
    assert found.model == model


@given(ITEMS, st.integers(0, 33), st.integers(1, 255), st.sampled_from([None, 0x3E]))
def test_a_part_3_tag_with_one_wrong_byte_is_never_an_item(
    item: str, at: int, by: int, dsfid: int | None
) -> None:
    memory = bytearray(encode_block(BasicBlock(item, "DK-718500"), 112))
    memory[at] ^= by
    found = identify(tag(bytes(memory), dsfid=dsfid))

    assert isinstance(found, NoContent) or (found.model == "iso28560-3" and at in (0, 3))


@given(st.binary(min_size=32, max_size=112), st.sampled_from([None, 0x06, 0x3E, 0x00]))
def test_any_memory_is_some_value(content: bytes, dsfid: int | None) -> None:
    assert decode_tag(tag(content, dsfid=dsfid), frozenset({"DE-1"}), BITS) is not None


def test_readings_say_what_a_tag_is_for_a_library() -> None:
    ours = frozenset({"US-InU-Mu", "3m:1048575"})
    patron = iso28560_2.encode(
        {Element.PRIMARY_ITEM_IDENTIFIER: "P1", Element.TYPE_OF_USAGE: b"\x81"}, size=112
    )

    assert isinstance(decode_tag(tag(ANNEX_D), ours, BITS), ItemTag)
    assert isinstance(decode_tag(tag(LEGACY), ours, BITS), ItemTag)
    assert isinstance(decode_tag(tag(LEGACY), frozenset({"DE-1"}), BITS), ForeignTag)
    assert decode_tag(tag(patron.memory), ours, BITS) == PatronTag("E00401008A5C982E")
    assert isinstance(decode_tag(tag(bytes(112)), ours, BITS), BlankTag)
    broken = ANNEX_D[:26] + b"\xff" + ANNEX_D[27:]
    assert isinstance(decode_tag(tag(broken), ours, BITS), DamagedTag)
    assert isinstance(decode_tag(tag(b"\xaa" * 112), ours, BITS), UnknownTag)


def test_afis_of_earlier_systems_are_read_when_they_are_named() -> None:
    bits = SecurityBits(also_secured=frozenset({0xD7}), also_unsecured=frozenset({0xDA, 0x21}))

    assert [bits.of(afi) for afi in (0x07, 0xD7, 0xC2, 0xDA, 0x21, 0x00, None)] == [
        "secured", "secured", "unsecured", "unsecured", "unsecured", "unknown", "unknown",
    ]  # fmt: skip


def test_a_uhf_tag_without_its_pc_word_is_never_unsecured() -> None:
    bank = iso28560_4.encode_epc(Uii("1", "DE-290"), 0xC2)

    assert isinstance(decode_uhf(bank[2:], None, frozenset(), BITS), UnknownTag)
    german = bytes.fromhex("19e9f871") + (4711).to_bytes(8, "big") + bytes(4)
    assert decode_uhf(german, None, frozenset(), BITS) == ItemTag(
        german.hex().upper(), "4711", "DE-290", 1, 1, 1, "unsecured"
    )
    armed = german[:15] + b"\x01"
    assert getattr(decode_uhf(armed, None, frozenset(), BITS), "security", None) == "secured"
    shop = decode_uhf(bytes.fromhex("3074257bf7194e4000001a85"), 0x3000, frozenset(), BITS)
    assert isinstance(shop, UnknownTag)
    assert "urn:epc:id:sgtin:" in shop.reason


@given(st.text("0123456789", min_size=2, max_size=12), st.sampled_from([None, 0x06, 0x3E]))
def test_a_part_2_tag_with_the_item_alone_is_read_right_or_not_at_all(item: str, dsfid: int | None) -> None:
    memory = iso28560_2.encode({Element.PRIMARY_ITEM_IDENTIFIER: item}, size=112).memory
    found = identify(tag(memory, dsfid=dsfid))

    if dsfid == 0x06 or isinstance(found, TagContent):
        assert isinstance(found, TagContent)
        assert (found.model, found.item) == ("iso28560-2", item)


def test_nearly_all_part_2_tags_with_the_item_alone_need_no_dsfid() -> None:
    items = [f"{number:08d}" for number in range(0, 10**8, 99_991)]
    tags = [
        tag(iso28560_2.encode({Element.PRIMARY_ITEM_IDENTIFIER: item}, size=112).memory) for item in items
    ]

    read = sum(isinstance(identify(one), TagContent) for one in tags)
    assert read >= 0.95 * len(tags), read


def test_a_block_whose_crc_agrees_and_whose_version_is_none_is_no_item() -> None:
    memory = bytearray(encode_block(BasicBlock("", "DE-290", usage=0), 112))
    memory[0] = 0
    memory[19:21] = block_crc(bytes(memory)).to_bytes(2, "little")

    assert isinstance(identify(tag(bytes(memory))), NoContent)
