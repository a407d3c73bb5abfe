"""The exposition format, as prometheus-client reads it."""

from __future__ import annotations

from harness.scraped import samples, value
from ldirectord_py.web.metric_text import Family, family_text, histogram_text

GAUGE = Family("x_y", "gauge", "Some words.")


def test_samples_without_a_value_are_left_out() -> None:
    text = family_text(GAUGE, [('a="1"', 5), ('a="2"', None), ('a="3"', 0.25)])
    assert text == '# HELP x_y Some words.\n# TYPE x_y gauge\nx_y{a="1"} 5\nx_y{a="3"} 0.25\n'


def test_a_family_without_samples_is_left_out() -> None:
    assert family_text(GAUGE, [('a="1"', None)]) == ""


def test_the_buckets_of_a_histogram_add_up() -> None:
    found = samples(histogram_text(Family("h", "histogram", "Words."), [0.1, 1], [('a="1"', [3, 0, 2], 5.5)]))
    assert [value(found, "h_bucket", le=upper) for upper in ("0.1", "1.0", "+Inf")] == [3, 3, 5]
    assert (value(found, "h_count", a="1"), value(found, "h_sum", a="1")) == (5, 5.5)
