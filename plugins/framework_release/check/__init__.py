"""``release check``: is this folder a release as it was built, and may it be used as one?

It needs no original and no study, so that whoever receives a release can run it.
"""
