"""The checks of real servers: one file per ``checktype``, one per word of ``service``."""
