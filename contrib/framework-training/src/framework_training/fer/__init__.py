"""Training and measuring the emotion classifiers."""
