"""Python runs this as it starts, with ``guarded_environment``: the loop of a process of ours is guarded."""

import sys

if any("ldirectord" in word or word == "--memory-kernel" for word in sys.orig_argv):
    from harness.guarded_process import guard_this_process

    guard_this_process()
