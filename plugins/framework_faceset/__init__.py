"""Finding and measuring the faces of a set of recordings.

What the benchmark, ``framework verify`` and the training programs need alike: the main person of a
recording (:mod:`framework_faceset.subject`), embeddings that are checked
(:mod:`framework.recognition`), and the deconvolution that attackers try
(:mod:`framework_faceset.deconvolution`).
"""
