"""Commands that are run because of an event."""
