"""A suite as other people write them, twenty times in a row against one server: every run sees the same."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sip2_server_kit import SECRET, Terminal, framed, library, terminal

from central.sip2.codec import Frame, decode

RUNS = 20
FIXED = "20250101    120000"
WHO, WHAT = "AOharbour|AACARD4711|AC|", "AOharbour|ABITEM-0001|AC|"


def suite(at: str) -> Iterator[tuple[str, str]]:
    """Yield (request, what the answer begins with); it leaves the library as it found it."""
    yield f"9300CNselfcheck-1|CO{SECRET}|CPdoor|", "941"
    yield "9900402.00", "98YYYYYY"
    yield f"23001{at}{WHO}AD|", "24" + " " * 14 + "001"
    yield f"63001{at}  Y       {WHO}AD8642|", "64" + " " * 14 + "001"
    yield f"17{at}{WHAT}", "180300"
    yield f"11NN{at}{at}{WHO}ABITEM-0001|", "121N"
    yield f"11NN{at}{at}{WHO}ABITEM-0001|CHa second one|", "120N"
    yield f"17{at}{WHAT}CHlent|", "180400"
    yield f"63001{at}  Y       {WHO}", "64"
    yield f"29NN{at}{at}{WHO}ABITEM-0001|", "301Y"
    yield f"65{at}{WHO}", "661"
    yield f"09N{at}{at}APdoor|{WHAT}", "101YN"
    yield f"09N{at}{at}APdoor|{WHAT}CHagain|", "101"
    yield f"17{at}{WHAT}", "180300"
    yield f"15+{at}{WHO}ABITEM-0002|BY3|", "161"
    yield f"15+{at}{WHO}ABITEM-0002|BY3|CHtwice|", "160"
    yield f"15-{at}{WHO}ABITEM-0002|BY3|", "161"
    yield f"15-{at}{WHO}ABITEM-0002|BY3|CHtwice|", "160"
    yield f"19{at}{WHAT}CHworn|", "201"
    yield f"37{at}0400EUR{WHO}BV1.00|BKrun|", "38N"
    yield f"01N{at}AOharbour|ALseen|AACARD4711|AC|", "24YYYY"
    yield f"11NN{at}{at}{WHO}ABITEM-0003|", "120N"
    yield f"25{at}{WHO}", "26" + " " * 14
    yield f"11NN{at}{at}{WHO}ABNOTHING|", "120NUN"
    yield f"35{at}{WHO}", "36Y"


async def run(one: Terminal, at: str) -> list[str]:
    """Run the suite; every frame is also sent a second time, and must get the very same answer."""
    said = []
    for n, (request, begins) in enumerate(suite(at)):
        frame = framed(request, n % 10)
        first = await one.exchange(frame)
        assert await one.exchange(frame) == first, request
        found = decode(first)
        assert isinstance(found, Frame), first
        assert (found.check, found.sequence, found.problems) == ("right", str(n % 10), ())
        assert first.decode().startswith(begins), (request, first)
        said.append(first[: len(begins)].decode())
    return said


async def test_twenty_runs_in_a_row_see_the_same_also_with_the_same_dates(tmp_path: Path) -> None:
    seen = []
    async with library(tmp_path) as here:
        for n in range(RUNS):
            moving = f"{datetime(2026, 11, 21, 9, 0) + timedelta(minutes=n):%Y%m%d    %H%M%S}"  # noqa: DTZ001 - SIP2 tells local times
            async with terminal(here.port, None) as one:
                seen.append(await run(one, FIXED if n in (7, 8, 18, 19) else moving))
        loans = here.ledger.hot.connection.execute("SELECT count(*) FROM loan WHERE ended IS NULL").fetchone()
        made = here.ledger.hot.connection.execute("SELECT count(*) FROM loan").fetchone()

    assert seen == [[begins for _, begins in suite(FIXED)]] * RUNS
    assert (loans, made) == ((0,), (RUNS,))
