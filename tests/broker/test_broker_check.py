"""`broker check` proves the running broker, and turns red for each rule that is taken out of its files."""

import json

import pytest
from real.broker import RealBroker

from broker_config import check, supervise
from broker_config.render import render

pytestmark = pytest.mark.broker


async def failed(broker: RealBroker) -> list[str]:
    return [proof.line for proof in await check.check(broker.folder) if not proof.ok]


async def test_every_rule_holds_at_a_broker_made_by_us(real_broker: RealBroker):
    proofs = await check.check(real_broker.folder)

    assert [proof for proof in proofs if not proof.ok] == []
    assert len(proofs) == 15
    assert json.dumps([proof.as_dict() for proof in proofs])


async def with_configuration(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> list[str]:
    """Start the broker on a mosquitto.conf with one line changed, and return the rules that fail."""
    conf = render(real_broker.folder)
    assert old in conf.read_text()
    conf.write_text(conf.read_text().replace(old, new))
    monkeypatch.setattr(supervise, "render", lambda folder: conf)
    await real_broker.restart()
    return await failed(real_broker)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (
            "require_certificate true\nuse_identity_as_username true\nuse_username_as_clientid true",
            "allow_anonymous true",
            "without certificate",
        ),
        ("use_username_as_clientid true", "", "client id"),
        ("max_packet_size 65536", "", "above 65536 bytes"),
    ],
)
async def test_a_line_taken_from_the_configuration_is_found(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch, old: str, new: str, rule: str
):
    red = await with_configuration(real_broker, monkeypatch, old, new)

    assert any(rule in line for line in red)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("pattern write turnleaf/v1/up/#", "publishing to another station's up is denied"),
        ("pattern write turnleaf/v1/down/#", "publishing to any down is denied"),
        ("pattern write turnleaf/v1/items/#", "publishing to items is denied"),
        ("pattern write turnleaf/v1/central/#", "publishing to central is denied"),
        ("pattern write turnleaf/v1/pub/#", "publishing to pub is denied"),
        ("pattern readwrite turnleaf/v1/down/#", "a subscription to another station's down delivers nothing"),
    ],
)
async def test_a_line_too_many_in_the_acl_is_found(real_broker: RealBroker, line: str, rule: str):
    acl = real_broker.folder / "acl"
    acl.write_text(acl.read_text() + line + "\n")
    real_broker.broker.reload()

    assert rule in await failed(real_broker)


async def test_a_missing_line_in_the_acl_is_found(real_broker: RealBroker):
    acl = real_broker.folder / "acl"
    acl.write_text(acl.read_text().replace("pattern write turnleaf/v1/up/%u/sample/+\n", ""))
    real_broker.broker.reload()

    assert "publishing to own up is allowed" in await failed(real_broker)


async def test_a_broker_that_is_not_there_is_one_red_line(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(check, "PATIENCE_S", 0.5)
    await real_broker.stop()

    assert len(await failed(real_broker)) == 1
