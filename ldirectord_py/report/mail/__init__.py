"""``emailalert``: which changes are mailed, what the mails say, and how they are sent."""
