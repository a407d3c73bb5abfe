"""The scenarios in which the original and ours are compared, by name."""

from harness.race import Scenario
from harness.scenarios import by_hand, faults, kinds, reloads, reports, stops

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for module in (faults, kinds, by_hand, reloads, stops, reports)
    for scenario in module.SCENARIOS
}
