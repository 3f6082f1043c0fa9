"""The donors that ship, as data: PNG files and ``donors.json``."""
