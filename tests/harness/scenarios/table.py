"""The scenarios in which the original and ours are compared, by name."""

from harness.comparison.scenario import Scenario
from harness.scenarios import by_hand, checktypes, commands, faults, kinds, reloads, reports, stops

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for module in (commands, reports, checktypes, faults, kinds, by_hand, reloads, stops)
    for scenario in module.SCENARIOS
}
