"""The requests of the control socket: one file for each, and their table in ``requests.py``."""
