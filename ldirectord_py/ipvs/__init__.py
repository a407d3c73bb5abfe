"""The kernel's vocabulary: services, destinations, weights."""
