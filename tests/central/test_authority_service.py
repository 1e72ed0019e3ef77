"""Central with a library's own system behind it, whole: the answer is pushed, also after a restart."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import central_kit
import pytest
from central_kit import central_on, seed, settings_in, station
from test_sip2_authority import asked

from central import service
from central.authority import Elsewhere, RemoteAuthority
from central.authority_fake import Manner, ScriptedAuthority
from central.authority_kinds import Chosen, choose
from central.authority_runner import Patience
from central.authority_states import Verb
from circulation.policy import Policy
from wire.errors import ConfigError
from wire.ids import new_id
from wire.link_memory import MemoryBroker
from wire.messages.facts import Checkout
from wire.messages.stream import Answer
from wire.topics import topic


def test_an_authority_that_this_release_has_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ncip") as error:
        choose(settings_in(tmp_path, authority="ncip"), Policy())

    assert "own" in error.value.do


@contextlib.asynccontextmanager
async def elsewhere(
    broker: MemoryBroker, folder: Path, remote: RemoteAuthority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[service.Service]:
    """Run central with an authority elsewhere."""
    patience = Patience(rest_s=0.001, look_s=0.05)

    class Behind(service.Service):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, Chosen(Elsewhere(), remote, patience))

    monkeypatch.setattr(central_kit, "Service", Behind)
    async with central_on(broker, folder) as running:
        yield running


async def test_the_answer_is_pushed_to_the_station_and_asked_for_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(tmp_path)
    manners: dict[Verb, Manner] = {"carry-out": "mute"}
    broker, remote = MemoryBroker(), ScriptedAuthority(lambda verb, request: manners.get(verb, "well"))
    where = topic("answer", station="kiosk-1")
    async with elsewhere(broker, tmp_path, remote, monkeypatch), station(broker, "kiosk-1") as kiosk:
        body = Checkout(**kiosk.stamp(), visit=new_id(), card="CARD4711", item="ITEM-0001")
        request = await kiosk.tell(body)
        await kiosk.peer.until(lambda: remote.sends["carry-out", request])
        assert kiosk.peer.on(where, Answer) == []
    async with elsewhere(broker, tmp_path, remote, monkeypatch), station(broker, "kiosk-1") as again:
        again.stream, again.rows = kiosk.stream, kiosk.rows
        resume = await again.hello()
        (first, *_) = await again.peer.until(lambda: again.peer.on(where, Answer))
        await again.send(1)
        answers = await again.peer.until(
            lambda: again.peer.on(where, Answer)[1:] and again.peer.on(where, Answer)
        )

    assert resume.upto == 1
    assert (first.outcome, first.link, first.central) == ("granted", "", resume.central)
    assert [one.outcome for one in answers] == ["granted"] * len(answers)
    assert answers[-1].link == again.link
    assert remote.sends == {("carry-out", request): 1, ("settle", request): 1}


async def test_a_checkout_is_carried_to_a_library_system_over_sip2_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(tmp_path)
    broker, where = MemoryBroker(), topic("answer", station="kiosk-1")
    async with asked() as (remote, library, ils):
        library.mute = {"11"}  # the first answer is lost, so it must be settled by looking
        async with elsewhere(broker, tmp_path, remote, monkeypatch), station(broker, "kiosk-1") as kiosk:
            body = Checkout(**kiosk.stamp(), visit=new_id(), card="CARD4711", item="ITEM-0001")
            await kiosk.tell(body)
            (answer, *_) = await kiosk.peer.until(lambda: kiosk.peer.on(where, Answer), 20)

    assert (answer.outcome, str(answer.due)) == ("granted", "2026-12-19")
    assert library.loans == {"ITEM-0001": "CARD4711"}
    assert len({frame for frame in ils.asked if frame.startswith(b"11")}) == 1
