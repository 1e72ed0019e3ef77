"""What came in from files stands in the answers that terminals of other makes get (SIP2 64 and 18)."""

from pathlib import Path

from import_kit import bring, counts, make, turnleaf
from sip2_server_kit import AT, library, terminal

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "import"
CARD = "2900000000501"


def fields(frame: bytes) -> dict[str, list[str]]:
    """Return the variable fields of an answer, by their ids."""
    found: dict[str, list[str]] = {}
    for part in frame.decode().rstrip("\r").split("AY")[0].split("|")[:-1]:
        found.setdefault(part[:2], []).append(part[2:])
    return found


async def test_every_field_of_a_patron_that_terminals_show_comes_out_as_it_came_in(tmp_path: Path) -> None:
    make(tmp_path)
    for kind in ("patrons", "items", "loans", "holds", "fees"):
        told = {"constants": {"internet": "filtered"}} if kind == "patrons" else {}
        text = (EXAMPLES / f"{kind}.csv").read_bytes()
        assert counts(bring(tmp_path, kind, text, zone="UTC", told=told))[4] == 0
    async with library(tmp_path) as running, terminal(running.port) as kiosk:
        wrong = await kiosk.say(f"63001{AT}          AOharbour|AA{CARD}|AC|AD0000|")
        frame = await kiosk.ask(f"63001{AT}          AOharbour|AA{CARD}|AC|AD4711|")
        raw = fields(kiosk.raw[61:])
        item = await kiosk.say(f"17{AT}AOharbour|AB3000000000502|AC|")

    patron = frame.message
    assert not wrong.valid_pin
    assert patron.valid_pin
    assert patron.name == "Firstname-501 Surname-501"
    assert (patron.address, patron.email) == ("4, Sample Street, 1000, Town", "patron-501@library.example")
    assert patron.phone == "+45 00 00 05 01"
    assert (patron.charged, patron.holds, patron.fees) == (1, 1, "1.40")
    assert raw["PB"] == ["19901209"]
    assert raw["PC"] == ["adult"]
    assert raw["PI"] == ["filtered"]
    assert raw["PA"][0].startswith("20300131")
    assert item.title == "A title, in two copies"
    assert (item.permanent_location, item.current_location) == ("cpl", "mpl")


def test_the_examples_are_taken_whole(tmp_path: Path) -> None:
    make(tmp_path)
    zone = ("--make-branches", "UTC")

    done = turnleaf(
        tmp_path, "import", str(EXAMPLES / "items.mrc"), "--kind", "items", "--format", "marc", *zone
    )

    assert done.returncode == 0, done.stderr
