"""The log: to files, syslog and standard error."""
