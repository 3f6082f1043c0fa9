"""Faces that belong to nobody: how they are composed, kept, added by a user, and assigned."""
