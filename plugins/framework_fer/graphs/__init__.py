"""Computation graphs and the shapes of the weights they take."""
