"""Composing the donors: averages of several people, with hair and an alpha channel."""
