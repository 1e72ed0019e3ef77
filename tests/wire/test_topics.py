import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.ids import STATION_PATTERN, is_station_name
from wire.link_memory import matches
from wire.topics import ROOT, TABLE, Topic, match, topic

levels_of = st.text(
    st.characters(exclude_characters="/+#\0", exclude_categories=("Cs",)), min_size=1, max_size=20
)


def placeholders(row: Topic) -> list[str]:
    return [level[1:-1] for level in row.pattern.split("/") if level.startswith("{")]


@given(st.sampled_from(TABLE), st.data())
def test_a_topic_is_found_again_with_its_levels(row: Topic, data: st.DataObject) -> None:
    levels = {name: data.draw(levels_of) for name in placeholders(row)}
    found = match(topic(row.name, **levels))

    assert (row, levels) == found


@given(st.sampled_from([row for row in TABLE if placeholders(row)]), st.data())
def test_nobody_can_smuggle_a_level_into_a_topic(row: Topic, data: st.DataObject) -> None:
    smuggled = (
        data.draw(st.text(max_size=6)) + data.draw(st.sampled_from("/#\0")) + data.draw(st.text(max_size=6))
    )
    levels = dict.fromkeys(placeholders(row), "x") | {placeholders(row)[0]: smuggled}

    with pytest.raises(ValueError, match="not a topic level"):
        topic(row.name, **levels)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_an_empty_level_is_refused_and_a_missing_one_is_a_filter(row: Topic) -> None:
    for name in placeholders(row):
        with pytest.raises(ValueError, match="not a topic level"):
            topic(row.name, **{name: ""})
    filled = topic(row.name, **dict.fromkeys(placeholders(row), "x"))

    assert matches(topic(row.name), filled)


def test_no_two_rows_can_stand_on_one_topic() -> None:
    filled = [topic(row.name, **dict.fromkeys(placeholders(row), "x")) for row in TABLE]

    assert len(TABLE) == len(set(filled))


@given(st.text(max_size=80))
def test_a_topic_of_others_is_not_ours(text: str) -> None:
    found = match(text)

    assert found is None or text.startswith(f"{ROOT}/")


@given(st.from_regex(STATION_PATTERN, fullmatch=True))
def test_a_station_name_is_always_a_topic_level(name: str) -> None:
    assert is_station_name(name)
    assert topic("fact", station=name).split("/")[3] == name
