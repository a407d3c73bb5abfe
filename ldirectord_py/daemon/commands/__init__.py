"""The commands of the user that the daemon runs: ``fallbackcommand``, ``callback``, ``execute``."""
