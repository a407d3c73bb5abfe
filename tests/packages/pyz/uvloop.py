"""In the place of uvloop, which is compiled: the event loop of Python."""

from asyncio import new_event_loop

__all__ = ("new_event_loop",)
