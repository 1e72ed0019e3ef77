"""`turnleaf tag`: bytes to words and back, with exit codes."""

import argparse
import json

import pytest

from firmware_bridge import cli_tag

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
