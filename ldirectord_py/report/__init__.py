"""What the director tells: events, their exact words, and one effect per file."""
