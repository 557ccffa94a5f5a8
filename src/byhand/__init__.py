"""The shared package of *Deep Learning by Hand, Checked by Machine*.

Each chapter has one module of the same name, which holds the code that the chapter derives.
Three modules serve all chapters: :mod:`byhand.evidence` verifies results by independent routes,
:mod:`byhand.explore` shows figures, still and interactive, and ``byhand.book`` is the style of
every figure (``plt.style.use("byhand.book")``).
"""
