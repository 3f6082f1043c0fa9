"""The checks, one module for each kind (three for anonymizers)."""
