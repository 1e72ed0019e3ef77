"""Holds at terminals that name places which are none."""

from pathlib import Path

import pytest
from sip2_server_kit import AT, POLICY, library, terminal


@pytest.mark.parametrize("mode", ["+", "*"])
async def test_nothing_is_kept_for_a_branch_that_there_is_not(tmp_path: Path, mode: str) -> None:
    assert POLICY.holds.pickup == ()
    async with library(tmp_path) as here, terminal(here.port) as sc:
        if mode == "*":
            assert (await sc.say(f"15+{AT}AOx|AACARD4711|ABITEM-0003|AC|BY3|")).ok
        asked = await sc.say(f"15{mode}{AT}BSnowhere|AOx|AACARD4711|ABITEM-0003|AC|BY3|")
        assert not asked.ok
        assert asked.screen == ("It cannot be collected there.",)
