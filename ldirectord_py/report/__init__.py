"""The events of the director, their words, and the listeners that log, mail and act on them."""
