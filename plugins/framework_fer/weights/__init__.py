"""Weight files, one for each component."""
