"""Results in the formats of other tools; each module is one exporter."""
