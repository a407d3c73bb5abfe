"""Collects the facts of this host; the only part of the doctor that does I/O."""
