"""Facial expression recognition: classifiers, their training and evaluation."""
