"""What the daemon knows of its servers, as fields of JSON: a file for each column of ``show``."""
