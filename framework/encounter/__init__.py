"""Two people, several cameras, one clock."""
