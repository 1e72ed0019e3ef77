"""All cells of the verdict table (design §5), under every policy."""

import pytest

from firmware_bridge.tags.reading import BlankTag, ForeignTag, ItemTag, PatronTag, Security
from kiosk.config_gate import GatePolicy
from kiosk.gate import Known, Ruling, judge

RECORD = GatePolicy(soft_alarm="record")
SOFT = Ruling("soft-alarm", "unsecured-not-lent")
SILENT = Ruling("pass", counted="silent")
SHY = Ruling("pass", degraded=True, counted="silent")

TABLE: tuple[tuple[Security, Known, Ruling], ...] = (
    ("secured", "available", Ruling("alarm", sound=True)),
    ("secured", "loan", Ruling("pass", "lent-but-secured")),
    ("secured", "absent", Ruling("pass", "not-in-ledger")),
    ("secured", "gone", SILENT),
    ("secured", "unknown", Ruling("alarm", sound=True, degraded=True)),
    ("secured", "unsettled", Ruling("alarm", sound=True)),
    ("unsecured", "unsettled", SILENT),
    ("unknown", "unsettled", SILENT),
    ("unsecured", "available", SOFT),
    ("unsecured", "loan", SILENT),
    ("unsecured", "absent", Ruling("pass", "not-in-ledger")),
    ("unsecured", "gone", SILENT),
    ("unsecured", "unknown", SHY),
    ("unknown", "available", SOFT),
    ("unknown", "loan", SILENT),
    ("unknown", "absent", Ruling("pass", "not-in-ledger")),
    ("unknown", "gone", SILENT),
    ("unknown", "unknown", SHY),
)


def item(security: Security) -> ItemTag:
    return ItemTag("E004015000000001", "30001", "DE-290", 1, 1, 1, security)


@pytest.mark.parametrize(("security", "known", "expected"), TABLE)
def test_each_cell_of_the_table_has_its_ruling(security: Security, known: Known, expected: Ruling) -> None:
    assert judge(item(security), known, RECORD) == expected


def test_the_table_has_no_cell_without_a_row() -> None:
    cells = {(security, known) for security, known, _ in TABLE}

    assert len(cells) == len(TABLE) == 3 * 6


@pytest.mark.parametrize(
    ("soft_alarm", "expected"),
    [
        ("off", SILENT),
        ("record", SOFT),
        ("sound", Ruling("soft-alarm", "unsecured-not-lent", sound=True)),
    ],
)
def test_policy_says_what_a_clear_tag_of_an_item_on_the_shelf_means(
    soft_alarm: str, expected: Ruling
) -> None:
    policy = GatePolicy.model_validate({"soft_alarm": soft_alarm})

    assert judge(item("unsecured"), "available", policy) == expected


@pytest.mark.parametrize("known", ["available", "loan", "gone", "absent", "unknown"])
@pytest.mark.parametrize("security", ["secured", "unsecured", "unknown"])
@pytest.mark.parametrize("foreign", ["pass", "tag-decides"])
def test_items_of_other_owners_are_counted_and_sound_only_by_policy(
    foreign: str, security: Security, known: Known
) -> None:
    policy = GatePolicy.model_validate({"foreign": foreign})
    ruling = judge(ForeignTag("E004015000000002", "DE-291", security), known, policy)

    assert ruling.counted == "foreign"
    assert ruling.sound == (foreign == "tag-decides" and security == "secured")


def test_patron_cards_and_blank_tags_are_nobodys_business() -> None:
    for reading in (PatronTag("E0"), BlankTag("E0")):
        assert judge(reading, "available", RECORD) == Ruling("pass", counted="none")


def test_nothing_sounds_for_an_item_that_central_calls_lent() -> None:
    for security, known, ruling in TABLE:
        if known == "loan":
            assert not ruling.sound, security
