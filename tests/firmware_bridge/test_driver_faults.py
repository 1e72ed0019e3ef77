"""Each driver over each fault: what comes is what the table of docs/reference/driver-faults.md says."""

import pytest
from fault_outcomes import CABLE_OUTCOMES, ODDITIES, Outcome
from fault_pads import Came
from fault_table import over_cable, with_oddity

CELLS = [(driver, fault) for driver, faults in CABLE_OUTCOMES.items() for fault in faults]
ODD = [(driver, name) for driver, names in ODDITIES.items() for name in names]
AGAIN = "came back after"


def marked(cells: list[tuple[str, str]]) -> list[object]:
    """Return the cells; those that need a real pcscd say so."""
    return [
        pytest.param(*cell, marks=pytest.mark.pcscd) if cell[0] == "pcsc" else pytest.param(*cell)
        for cell in cells
    ]


def held(came: Came, wanted: Outcome) -> None:
    came.pop(AGAIN, None)

    assert came["wrong"] == 0
    others = {what for what, count in came.items() if count and what not in ("right", "wrong")}
    assert others <= wanted.errors, came
    if wanted.always:
        assert came["right"] == came.total(), came


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("driver", "fault"), marked(CELLS))
async def test_over_a_bad_cable_comes_what_the_table_says(driver: str, fault: str) -> None:
    held(await over_cable(driver, fault), CABLE_OUTCOMES[driver][fault])


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("driver", "name"), marked(ODD))
async def test_of_an_odd_firmware_comes_what_the_table_says(driver: str, name: str) -> None:
    held(await with_oddity(driver, name), ODDITIES[driver][name][1])
