"""One harness that compares anonymizers: what protects against which attacker, at what cost.

``framework benchmark`` covers faces of a data set with each anonymizer, attacks the result (T0 to
T5, see :mod:`framework_benchmark.attacks`), measures what is left of the expression, and writes
tables with intervals. Ground rules:

* The unit of inference is the person. Intervals come from resampling persons.
* Every item stays in the denominator. A probe without a face counts as a guess, an expression that
  cannot be read as a disagreement, a component that fails as a row.
* ``none`` and a solid box are always there: the two ends between which everything lies.
* Raw results are stored, figures are computed from them.
"""
