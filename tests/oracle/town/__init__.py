"""Random stories of a small bank, told to the oracle and to the machine at once.

town = Town(7)
for each in play(town):         # the next block; the same seed tells the same story
    assert each.agrees(), each.told()
"""

from collections.abc import Mapping
from types import MappingProxyType

from oracle.town import building, deciding, deploying, governing
from oracle.town.chronicle import Chronicle, Judged, shrink
from oracle.town.people import WAIVABLE, Move, Town

MOVES: Mapping[Move, int] = MappingProxyType(
    {
        building.register_data: 5,
        building.transform_data: 3,
        building.withdraw_data: 2,
        building.train: 6,
        building.register: 4,
        building.end_run: 1,
        building.tune: 3,
        building.plan: 2,
        building.measure: 3,
        building.hand_over: 1,
        deciding.approve: 8,
        deciding.revoke: 4,
        deciding.waive: 3,
        deciding.hold: 1,
        deciding.release: 3,
        deciding.retire: 2,
        deploying.observe: 1,
        deploying.push: 24,
        deploying.deploy: 8,
        governing.enrol: 3,
        governing.restore: 3,
        governing.change_key: 2,
        governing.amend: 5,
        governing.change_member: 5,
        governing.upgrade: 1,
        governing.mark: 3,
        governing.report: 1,
    }
)
"""What happens, and how often."""

BEGINNING = (building.register_data,) * 6 + (building.train,) * 3


def play(town: Town) -> list[Judged]:
    """The next block: what comes of one or two moves; the first one registers things to speak of."""
    town.wait()
    if town.plans and town.maybe(0.85):
        moves = [town.plans.pop(0)]
    elif town.chronicle.position.height == 0:
        moves = list(BEGINNING)
    else:
        moves = town.random.choices(list(MOVES), list(MOVES.values()), k=town.random.choice((1, 1, 2)))
    judged = town.submit([raw for move in moves for raw in move(town)])
    for each in judged:
        if each.foreseen and each.foreseen <= set(WAIVABLE) and each.entry.name == "deployment.changed" and town.maybe(0.6):
            town.plans.append(deploying.plead(each.entry.event["version"], each.entry.event["environment"], each.foreseen))
    return judged


__all__ = ["MOVES", "Chronicle", "Judged", "Town", "play", "shrink"]
