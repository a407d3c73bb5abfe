"""New configurations: on request, when a file changes, when a name has another address."""
