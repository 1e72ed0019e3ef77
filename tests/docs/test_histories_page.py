"""The page's table of histories is the list that `turnleaf sim history` plays."""

import re
from pathlib import Path

from sim.histories.table import HISTORIES

PAGE = Path(__file__).parents[2] / "docs/durability.md"


def test_the_table_of_histories_is_what_the_command_plays() -> None:
    section = PAGE.read_text(encoding="utf-8").split("\n## Histories\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `turnleaf sim history ([a-z-]+)` \|$", section, re.MULTILINE)

    assert [(history.what, history.end, history.name) for history in HISTORIES] == rows


def test_each_history_has_a_name_of_its_own() -> None:
    assert len({history.name for history in HISTORIES}) == len(HISTORIES) == 16
