"""A person looks, corrects and approves: the review page, and the tables' way to other tools."""
