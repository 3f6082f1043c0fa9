"""The two passes over a recording, and the check of the result.

analyze   decode -> detect -> track -> classify        -> track table (no pixels)
resolve   stitch, fill, drop, assign roles             -> track table
render    decode -> anonymize -> check -> encode       -> covered recording
recheck   decode the covered recording -> classify     -> what is left of the expression
"""
