"""Weight files that ship."""
