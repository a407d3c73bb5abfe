"""The director daemon for Linux Virtual Server: health-checked IPVS tables from an ldirectord.cf."""

PACKAGE_VERSION = "0.1.0"
"""As in pyproject.toml: to read it from the installed package takes 8 ms."""
