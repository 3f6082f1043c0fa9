"""Voice anonymizers: silence instead of speech, and McAdams coefficients."""
