"""A reader's own answer: what is asked for, how it is read, what is said of it.

``asked.toml`` says what each problem asks for; ``asking`` makes of it, and of the claims, the data
that answers are compared with; ``reading`` reads numbers and formulas, ``latex`` those in LaTeX;
``judging`` says what an answer is; ``typesetting`` sets what was understood. The rules and all
words are in ``rules.json``, which the page's checker has as well.
"""
