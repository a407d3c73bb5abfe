"""What a target of the fuzzer is, and which inputs it fails on."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from types import ModuleType
from typing import Final

Decoder = Callable[[bytes], object]

SEPARATOR: Final = b"\n--\n"
"""Divides an input into what comes one after the other: files, connections, or chunks."""

ATTEMPTS: Final = 3
"""Measurements of an input that takes too much, of which the lowest counts: other work of the host only adds."""


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """A decoder of bytes from outside: it returns anything, or raises one of ``errors``.

    ``seeds`` are valid inputs. An input of at most ``max_length`` bytes may take ``seconds`` of CPU time, and
    ``memory`` bytes at a time.
    """

    name: str
    decode: Decoder
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    max_length: int = 2048
    seconds: float = 0.1
    memory: int = 1 << 20

    def decode_alone(self, data: bytes) -> object:
        """Return what the decoder makes of an input; the progress that it notes is not left to the next test."""
        return copy_context().run(self.decode, data)


class TooExpensive(AssertionError):  # noqa: N818  it describes an input
    """An input takes more time or memory than its target may."""


def judge(target: FuzzTarget, data: bytes, *, slower: float = 1.0) -> None:
    """Raise what the decoder must not raise, or TooExpensive; ``slower``: of the time of an instrumented one."""
    limit = slower * target.seconds
    if _seconds(target, data) > limit and (least := min(_seconds(target, data) for _ in range(ATTEMPTS))) > limit:
        raise TooExpensive(f"{target.name}: {least:.3f} s of CPU time for {len(data)} bytes")


def judge_memory(target: FuzzTarget, data: bytes) -> None:
    """Raise TooExpensive if an input takes too much memory."""
    if (
        _peak(target, data) > target.memory
        and (most := min(_peak(target, data) for _ in range(ATTEMPTS))) > target.memory
    ):
        raise TooExpensive(f"{target.name}: {most} bytes of memory for {len(data)} bytes")


def _seconds(target: FuzzTarget, data: bytes) -> float:
    began = time.thread_time()
    with suppress(*target.errors):
        target.decode_alone(data)
    return time.thread_time() - began


def _peak(target: FuzzTarget, data: bytes) -> int:
    tracemalloc.start()
    try:
        with suppress(*target.errors):
            target.decode_alone(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextmanager
def replaced(*changes: tuple[ModuleType, str, object]) -> Iterator[None]:
    """Give names of modules other values for a while."""
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def each(errors: tuple[type[Exception], ...], *decoders: Decoder) -> Decoder:
    """Return what gives an input to several decoders, one after the other."""

    def decode(data: bytes) -> None:
        for decoder in decoders:
            with suppress(*errors):
                decoder(data)

    return decode
