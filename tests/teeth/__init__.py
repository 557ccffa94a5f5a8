"""How hard the book is to fool: faults are planted in the package, and somebody has to notice.

``python -m teeth [chapter's package …]`` plants them one at a time (:mod:`teeth.planting`), runs
the claims and the tests that run the function (:mod:`teeth.hunting`), and stores what came of it
in ``benchmarks/teeth.json``, from which a page of the book is drawn.
"""
