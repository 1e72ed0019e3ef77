"""Holds on a title of two copies, such as a desk keeps them."""

from datetime import date, timedelta

from hypothesis import strategies as st

from circulation.model import Hold, Item
from circulation.policy import Policy
from circulation.policy_parts import HoldSettings

TODAY = date(2026, 3, 2)
POLICY = Policy()
STRICT = Policy(holds=HoldSettings(block_waiting=True))
COPY = Item("i1", "book", "main", title="t1")
OTHER = Item("i2", "book", "main", title="t1")
COPIES = (COPY, OTHER)


def hold(number: int, patron: str = "p1", item: str | None = None, **more: object) -> Hold:
    made = Hold(f"h{number}", patron, item, "t1", "main", placed=number, order=number)
    return made._replace(**more)  # type: ignore[arg-type]  # a test's own fields


@st.composite
def held(draw: st.DrawFn) -> list[Hold]:
    """Holds on a title of two copies such as a desk keeps: a copy is kept for one of them at most."""
    made: list[Hold] = []
    free = ["i1", "i2"]
    for number in range(draw(st.integers(0, 6))):
        wanted = draw(st.sampled_from([None, "i1", "i2"]))
        state = draw(
            st.sampled_from(["waiting", "waiting", "ready", "sent", "collected", "cancelled", "expired"])
        )
        one = hold(
            number,
            draw(st.sampled_from(["p1", "p2", "p3"])),
            wanted,
            pickup=draw(st.sampled_from(["main", "north"])),
            order=draw(st.integers(0, 3)),
            expires=draw(st.none() | days()),
        )
        fitting = [item for item in free if wanted in (None, item)]
        if state in ("ready", "sent") and fitting:
            free.remove(fitting[0])
            until = draw(days()) if state == "ready" else None
            state = "ready" if state == "ready" else "waiting"
            one = one._replace(state=state, ready_item=fitting[0], ready_until=until)
        elif state not in ("ready", "sent"):
            one = one._replace(state=state)
        made.append(one)
    return draw(st.permutations(made))


def days() -> st.SearchStrategy[date]:
    return st.integers(-3, 3).map(lambda n: TODAY + timedelta(days=n))


ITEMS = st.sampled_from(COPIES)
BRANCHES = st.sampled_from(["main", "north"])
PATRONS = st.sampled_from(["p1", "p2", "p3"])
