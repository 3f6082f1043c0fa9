"""From stored raw results to figures with intervals."""
