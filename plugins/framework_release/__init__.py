"""From a study to an open data set: what may leave, in the forms that repositories ask for.

``release build`` takes what has consent, passed its checks and is approved by a person, and writes
it as a BIDS data set with a machine-readable description, a datasheet, checksums and marks on
synthetic media. ``release check`` is for the receiver as well. ``release withdraw`` takes a person
out of the next version. The exporters write single results for other tools.
"""
