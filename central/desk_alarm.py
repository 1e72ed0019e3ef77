"""The alarm of a gate, raised in the commit of the passage that is its cause.

A passage is told once: were the alarm raised after its commit, a central that dies in between would have
the passage and nobody would ever hear of it. So the row stands in the table of alarms with the commit; the
watch takes it from there, at once as an effect, or at the next start with all others.
"""

from central.alarms.life import raise_alarm
from central.alarms.rules import gate_alarm
from central.alarms.say import row
from central.desk_scene import Scene
from central.ledger import alarms
from central.ledger.rows import moment
from central.results import GateAlarm
from wire.ids import new_id


def raise_gate_alarm(scene: Scene) -> None:
    """Raise the gate's alarm, or let the one that is not closed yet stand again."""
    name = scene.hot.station_name(scene.station)
    condition = gate_alarm(scene.station, scene.branch, name, moment(scene.at))
    known = scene.hot.open_alarm(condition.key.station, condition.key.part, condition.key.rule)
    raised = row(raise_alarm(known or new_id(), condition, moment(scene.group.now)), moment(scene.group.now))
    if known is None:
        alarms.save(scene.hot, [raised])
    else:
        alarms.stand_again(scene.hot, raised)
    scene.group.effects.append(GateAlarm(raised, moment(scene.at)))
