"""Reference recommender: advice from rules that the user can read and edit."""
