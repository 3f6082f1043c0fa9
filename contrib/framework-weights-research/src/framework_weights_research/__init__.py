"""Weight files for research only; see the licence of this package. There is no code here."""
