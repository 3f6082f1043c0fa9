"""Share face video without sharing faces."""
