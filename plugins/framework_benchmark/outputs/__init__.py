"""Tables for people, files for machines, one page to hand around."""
