"""Intervals and tests. The unit that is resampled is the person, never the frame."""
