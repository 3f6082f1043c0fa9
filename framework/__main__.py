"""``python -m framework`` is the command ``framework``."""

from framework.cli.main import entry

if __name__ == "__main__":
    entry()
