"""Claims: results that at least two independent routes must agree on, and what speaks for them.

A claim is a small generator function that yields routes, declared with :func:`claim`, ``by``,
:func:`sheet`, :func:`slip` and :func:`case`. :func:`check` runs it and shows it in a notebook.
The modules, in the order of what happens then:

declaring  what is declared, and the registry
running    runs the routes one by one and compares them
tracing    records which functions of byhand each route runs; ``@once``
noting     how it does before Python 3.12
comparing  compares two results; estimates, effects
proving    proves statements about all values
translating  puts formulas into a prover's language
printed    holds a sheet to the digits that it prints
setting    sets results as text and as mathematics
plain      formulas as plain text
source     finds the source of a route, and of the set-up
anchoring  whether routes are two, over the whole book
keying     what a reader's answer is compared with, where a problem asks for it
entry      the entry of the ledger that comes out, as data
opening    an entry as HTML: a line that opens to all that was done, or a table
showing    shows entries in a terminal and in JupyterLab; the site does so itself
checking   ``check``, and what it says to a reader
fields     ``answers``, the fields of a problem's page in a notebook
"""

from byhand.evidence.checking import check
from byhand.evidence.comparing import Estimate, holds
from byhand.evidence.declaring import ClaimError, by, case, claim, sheet, slip
from byhand.evidence.entry import MIME_TYPE
from byhand.evidence.fields import answers
from byhand.evidence.proving import exhaust, prove
from byhand.evidence.tracing import once

__all__ = [
    "MIME_TYPE",
    "ClaimError",
    "Estimate",
    "answers",
    "by",
    "case",
    "check",
    "claim",
    "exhaust",
    "holds",
    "once",
    "prove",
    "sheet",
    "slip",
]
