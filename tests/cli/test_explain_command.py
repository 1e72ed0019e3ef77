"""`turnleaf explain`: every kind that is there, guesses, exit codes, and many lines at once."""

import io
import json

import pytest

from firmware_bridge.explain import KINDS, available
from turnleaf import cli

FRAMES = {
    "feig": "05ff65e5cb",
    "iso28560-2": "9100051cbe991a14",
    "iso28560-3": "11010131313232333334340000000000000000513e4445373035000000000000",
    "iso28560-4-epc": "45c2141cc04fc70badb5c6e2da1ded4dd319",
    "iso28560-4-user": "060201d0140204b34607441cb6e2e335d65308ab4d6c9dd556cdeb00",
    "code40": "141cc04fc70badb5c6e2da1ded4dd319",
    "iso15962": "441cb6e2e335d6",
    "isil": "21408e16bf1f",
    "3m501": "0411000132303039303130313031323300000000ffffffff7fffffff00000000",
    "gen2-crc": "3000111122223333444455556666",
    "atr": "3b8f8001804f0ca0000003060300020000000069",
    "apdu": "ffca000000",
    "3m": "d600090300020000000312e6",
    "iso15693": "260100f60a",
    "llrp": "04010000000b0000000100",
    "llrp-body": "00f0001f8d3000abcdef0000000000000581000186d1820005a9e4bef876b4",
}


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["explain", *words])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("kind", sorted(available()))
def test_each_kind_explains_bytes_of_its_own(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--json", kind, FRAMES[kind])
    said = json.loads(out)

    assert (code, said["kind"], said["valid"], said["problems"]) == (0, kind, True, [])
    assert said["fields"]


def test_every_kind_that_is_named_has_an_example_here() -> None:
    assert set(KINDS) == set(FRAMES)


def test_a_wrong_byte_is_exit_one_with_its_offset(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--json", "feig", "05ff65e5cc")
    said = json.loads(out)

    assert (code, said["valid"]) == (1, False)
    assert isinstance(said["offset"], int)
    assert said["problems"][0].startswith(f"byte {said['offset']}: ")


@pytest.mark.parametrize("spelled", ["05 FF 65 E5 CB", "05:ff:65:e5:cb", "0x05ff65e5cb"])
def test_hex_is_taken_as_people_write_it(spelled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "feig", *spelled.split())[0] == 0


def test_what_is_no_hex_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--json", "feig", "05fg")

    assert code == 1
    assert json.loads(out)["problems"] == ["byte 1: 'g' is no hex digit"]


@pytest.mark.parametrize("kind", ["feig", "iso28560-3", "iso28560-2", "atr", "3m501", "iso28560-4-epc"])
def test_a_guess_finds_the_kind_and_says_how_sure_it_is(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = call(capsys, "--json", "auto", FRAMES[kind])
    said = json.loads(out)

    assert (code, said["kind"]) == (0, kind)
    assert 0 < said["fields"]["sure"] <= 1


def test_bytes_that_fit_nothing_are_not_guessed_at(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--json", "auto", "aabbcc")

    assert (code, json.loads(out)["kind"]) == (1, "unknown")


def test_a_compaction_code_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--json", "--compaction", "4", "iso15962", "441cb6e2e335d6")

    assert (code, json.loads(out)["fields"]["text"]) == (0, "QA268.L55")


def test_sip2_is_taken_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--text", "sip2", "941AY0AZFDFD")[0] == 0
    code, out = call(capsys, "--json", "--text", "sip2", "941AY0AZFDFE")
    assert (code, json.loads(out)["offset"]) == (1, 8)


def test_lines_on_standard_input_are_answered_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["05ff65e5cb", "", "05ff65e5cc", "zz"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    code, out = call(capsys, "--json", "feig", "-")

    assert code == 1
    assert [json.loads(line)["valid"] for line in out.splitlines()] == [True, False, False]


def test_a_paragraph_names_fields_and_sections(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = call(capsys, "iso28560-3", FRAMES["iso28560-3"])

    assert out.startswith("iso28560-3: valid\n")
    assert "DE-705   [ISO 28560-3, basic block, bytes 21 to 33; ISO 15511]" in out
