"""Passages of the model cards."""
