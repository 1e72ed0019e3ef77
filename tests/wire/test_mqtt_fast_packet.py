"""What the fast connection writes is what the other client would write, and as long as was foretold."""

import mqtt5
from hypothesis import given
from hypothesis import strategies as st

from wire.link import LinkSettings, Outgoing
from wire.mqtt_fast_packet import connect, encoded
from wire.mqtt_limits import publish_size

TOPICS = st.text(
    st.characters(exclude_characters="+#\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40
)
MESSAGES = st.builds(
    Outgoing,
    TOPICS,
    st.binary(max_size=300) | st.integers(16_000, 17_000).map(bytes),
    qos=st.sampled_from([0, 1]),
    retain=st.booleans(),
    expiry_s=st.none() | st.integers(0, 2**32 - 1),
    correlation=st.none() | st.binary(min_size=1, max_size=200),
)


@given(MESSAGES, st.integers(1, 65535))
def test_a_publish_is_as_long_as_foretold_and_comes_back_as_it_was(out: Outgoing, packet_id: int):
    data = encoded(out, packet_id if out.qos else 0)
    packet, size = mqtt5.read(memoryview(data))

    assert isinstance(packet, mqtt5.PublishPacket)
    assert len(data) == size == publish_size(out)
    assert (out.topic, out.payload, out.retain) == (packet.topic, packet.payload, packet.retain)
    assert (out.qos, packet_id if out.qos else None) == (int(packet.qos), packet.packet_id)
    assert (out.expiry_s, out.correlation) == (packet.message_expiry_interval, packet.correlation_data)


def test_connect_keeps_the_session_and_delays_the_will():
    settings = LinkSettings(
        "h", 1, "central", "", "", "", will=Outgoing("t", b"lost", retain=True), will_delay_s=7, keepalive_s=9
    )
    packet, _ = mqtt5.read(memoryview(connect(settings)))

    assert isinstance(packet, mqtt5.ConnectPacket)
    assert (packet.client_id, packet.clean_start, packet.keep_alive) == ("central", False, 9)
    assert packet.session_expiry_interval == settings.session_expiry_s
    assert packet.will is not None
    assert (packet.will.topic, packet.will.payload, packet.will.retain) == ("t", b"lost", True)
    assert packet.will.will_delay_interval == 7
