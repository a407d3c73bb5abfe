"""New configurations: after a request, a change of the files, or a change of a host name's address."""
