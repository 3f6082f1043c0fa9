"""Training ``lbp-fisher``."""
