"""Training of the First Order Motion Model; nothing here is imported when the swap runs."""
