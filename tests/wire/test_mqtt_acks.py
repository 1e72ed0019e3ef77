from hypothesis import given
from hypothesis import strategies as st

from wire.mqtt_acks import Acks


@given(st.permutations(range(12)), st.integers(0, 12), st.booleans())
def test_what_is_settled_is_told_in_the_order_of_arrival_and_once(order: list[int], many: int, twice: bool):
    told: list[int] = []
    acks = Acks(told.extend)
    settle = [acks.owe(packet_id) for packet_id in range(12)]

    for number, packet_id in enumerate(order[:many], 1):
        settle[packet_id]()
        if twice:
            settle[packet_id]()
        done = set(order[:number])

        assert told == [packet_id for packet_id in range(12) if set(range(packet_id + 1)) <= done]


def test_after_the_connection_nothing_is_told():
    told: list[int] = []
    acks = Acks(told.extend)
    first, second = acks.owe(1), acks.owe(2)
    first()
    acks.gone()
    second()

    assert told == [1]
