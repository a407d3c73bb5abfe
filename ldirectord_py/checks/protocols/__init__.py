"""What is sent to servers and what their answers mean, one file for each part of a protocol."""
