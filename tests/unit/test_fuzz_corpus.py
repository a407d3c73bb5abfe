"""The decoders of bytes from outside, against what fuzzing found (``make fuzz``); atheris is not needed."""

from __future__ import annotations

from contextlib import suppress

import pytest

from fuzz.configurations import SHORT_RANGE
from fuzz.corpus import CORPUS, MAX_INPUTS, choose, kept_inputs, reached
from fuzz.target import FuzzTarget, TooExpensive, judge, judge_memory
from fuzz.targets import SAME_DECODER, TARGETS
from ldirectord_py.checks.protocols.dns_records import record_texts
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config import servers
from ldirectord_py.errors import ConfigError


@pytest.mark.parametrize("name", TARGETS)
def test_F6_each_input_is_decoded_or_refused(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds, *kept_inputs(name), b""):
        judge(target, data)
        judge_memory(target, data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_is_decoded_to_its_end(name: str) -> None:
    """One at least: seeds that are all refused at the start would teach the fuzzer nothing."""
    target = TARGETS[name]
    passed = 0
    for seed in target.seeds:
        with suppress(*target.errors):
            target.decode_alone(seed)
            passed += 1
    assert passed


def test_each_service_has_a_target() -> None:
    assert KINDS.keys() - SAME_DECODER.keys() - {"none"} <= TARGETS.keys()
    assert set(SAME_DECODER.values()) <= TARGETS.keys()


def test_the_corpus_is_small_and_has_no_leftovers() -> None:
    assert {folder.name for folder in CORPUS.glob("*")} <= TARGETS.keys()
    for name, target in TARGETS.items():
        sizes = [len(data) for data in kept_inputs(name)]
        assert len(sizes) <= MAX_INPUTS
        assert max(sizes, default=0) <= target.max_length


def test_an_input_full_of_ranges_takes_no_more_memory_than_it_may() -> None:
    target = TARGETS["config-yaml"]
    start, end, item = b"virtuals: [{virtual: 1, reals: [", b"]}]", b"1->%d gate," % SHORT_RANGE
    data = start + item * ((target.max_length - len(start + end)) // len(item)) + end
    target.decode_alone(data)
    judge_memory(target, data)


def test_a_range_that_is_too_long_for_the_fuzzer_is_refused() -> None:
    with pytest.raises(ConfigError, match="the range has more than"):
        TARGETS["config-cf"].decode_alone(b"virtual=1\n real=1->%d gate" % (SHORT_RANGE + 1))
    assert servers.MAX_RANGE > SHORT_RANGE


def raising(error: Exception) -> FuzzTarget:
    def decode(_: bytes) -> None:
        raise error

    return FuzzTarget("a", decode, (ValueError,), ())


def test_an_error_that_is_not_documented_is_a_failure() -> None:
    judge(raising(UnicodeError()), b"")
    with pytest.raises(KeyError):
        judge(raising(KeyError()), b"")


def test_an_input_that_takes_too_much_is_a_failure() -> None:
    def decode(data: bytes) -> int:
        return sum(range(100_000)) + len(bytes(1_000_000))

    with pytest.raises(TooExpensive, match="s of CPU time for 3 bytes"):
        judge(FuzzTarget("a", decode, (), (), seconds=1e-5), b"abc")
    judge(FuzzTarget("a", decode, (), (), seconds=1e-5), b"abc", slower=1e6)
    with pytest.raises(TooExpensive, match="bytes of memory for 3 bytes"):
        judge_memory(FuzzTarget("a", decode, (), (), memory=500_000), b"abc")
    judge_memory(FuzzTarget("a", decode, (), (), memory=2_000_000), b"abc")


def test_the_fewest_and_shortest_inputs_are_chosen() -> None:
    code = record_texts.__code__
    first, second, third = ((code, 0, line) for line in (1, 2, 3))
    steps = {b"long": frozenset({first, second}), b"abc": frozenset({first, second}), b"x": frozenset({third})}
    assert choose(steps, frozenset()) == [b"abc", b"x"]
    assert choose(steps, frozenset({first, second})) == [b"x"]


def test_the_steps_of_an_input_are_those_in_the_package() -> None:
    target = TARGETS["dns"]
    files = {code.co_filename.rpartition("/")[2] for code, _, _ in reached(target, target.seeds[0])}
    assert "dns_message.py" in files
    assert "dns_records.py" in files
    assert "corpus.py" not in files
