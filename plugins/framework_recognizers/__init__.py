"""Reference face recognisers: the attackers of the benchmark and of ``framework verify``."""
