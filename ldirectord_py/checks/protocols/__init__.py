"""Encodes requests and decodes answers, one file for each part of a protocol."""
