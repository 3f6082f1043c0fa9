"""Ours, beside the published network: a donor moved to the absolute expression of a face."""
