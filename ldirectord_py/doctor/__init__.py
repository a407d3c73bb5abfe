"""What of this host stands in the way of a configuration: facts of the host in, findings out."""
