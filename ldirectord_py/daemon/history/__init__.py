"""What was observed so far: the last results and transitions, and the journal of events."""
