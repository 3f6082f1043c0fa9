"""The attackers.

====  ==========  ============================================  ======================  ===========
id    attacker    knows                                         compares with           looks at
====  ==========  ============================================  ======================  ===========
T0    naive       nothing of the method                         clear faces             one picture
T1    informed    the method                                    faces covered alike     one picture
T2    retrained   the method; learns from other people          clear and covered       one picture
T3    reversal    the method; learns to undo it                 clear faces             one picture
T4    track       nothing; pools a whole track                  clear faces             the clip
T5    motion      nothing; landmark and pose curves alone       clear clips             the clip
====  ==========  ============================================  ======================  ===========

Each is a component (:class:`framework.Attack`) that turns what an attacker has in hand
(:class:`framework.harness.Material`) into score matrices, one for each variant it tries. The
strongest of all variants is what a method is judged by. ``--attacks T0`` names component ``t0``.
"""
