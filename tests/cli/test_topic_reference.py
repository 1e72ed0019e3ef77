"""The topic reference says what the table says."""

import json
from pathlib import Path

import pytest

from turnleaf import cli, topic_reference
from wire.topics import ROOT, TABLE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "topics.md"


def test_the_page_in_docs_is_the_one_made_now():
    """When red: `turnleaf topics --markdown > docs/reference/topics.md`, and look at the diff."""
    assert PAGE.read_text() == topic_reference.markdown()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_topic_and_each_field_of_its_messages_is_on_the_page(row):
    text = PAGE.read_text()

    assert f"`{ROOT}/{row.pattern}`" in text
    for model in row.payload:
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in text


def test_the_bodies_of_entries_are_on_the_page():
    text = PAGE.read_text()

    assert len(topic_reference.BODIES) > 8
    assert [
        body for body in topic_reference.BODIES if f"Body `{topic_reference.message_name(body)}`" not in text
    ] == []


def test_programs_get_the_table_with_schemas(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["topics", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)

    assert [row["name"] for row in rows] == [row.name for row in TABLE]
    assert all(schema["properties"] for row in rows for schema in row["schemas"].values())
