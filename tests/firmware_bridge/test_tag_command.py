"""`turnleaf tag`: bytes to words and back, with exit codes."""

import argparse
import io
import json

import pytest

from turnleaf import cli_tag

GOOD = "11010131313232333334340000000000000000513e4445373035000000000000"


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    cli_tag.arguments(parser)
    return cli_tag.run(parser.parse_args(words))


def test_an_intact_tag_is_told_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("decode", GOOD, "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["fields"]["item"], found["fields"]["owner"]) == (True, "11223344", "DE-705")


def test_a_wrong_checksum_is_exit_one_with_both_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("decode", GOOD.replace("513e", "0000")) == 1

    assert "the content gives 3E51" in capsys.readouterr().out


def test_what_is_no_hex_is_wrong_use() -> None:
    assert call("decode", "xyz") == 2


def test_what_was_encoded_can_be_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("encode", "--item", "30000001", "--owner", "DK-718500", "--parts", "2") == 0
    made = capsys.readouterr().out.strip()
    assert call("decode", made, "--json") == 0

    assert json.loads(capsys.readouterr().out)["fields"]["parts"] == 2
    assert call("encode", "--item", "x" * 40, "--owner", "DK-718500") == 2


def test_a_tag_of_eight_blocks_is_made_as_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("encode", "--item", "11223344", "--owner", "DE-705", "--blocks", "8", "--json") == 0

    assert json.loads(capsys.readouterr().out)["hex"] == GOOD


def test_a_tag_is_read_from_input_with_its_extensions_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = (
        "110101313030303030303133360000000000003615444b373138353030000000000005010005"
        "0122020071426f67766f676e656e00313233343536373839300000613738393635366300"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(tag[:40] + "\n" + tag[40:]))

    assert call("decode", "-") == 0

    shown = capsys.readouterr().out
    assert "1000000136" in shown
    assert "acquisition" in shown


def test_a_blank_tag_is_told_as_blank(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("decode", "00" * 64, "--json") == 1

    assert json.loads(capsys.readouterr().out)["problems"] == ["the tag is blank"]
