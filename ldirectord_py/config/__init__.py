"""ldirectord's vocabulary: virtual, real, fallback, quiescent."""
