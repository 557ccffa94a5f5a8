"""The book's Sphinx extension: what a stock Jupyter Book does not do.

In the order of a build:

inputs      decides whether the last build can be kept, and clears it if not
environment leaves the reader's settings behind
execution   runs the notebooks side by side and hands their results to Sphinx
reading     keeps what has been read of pages that have not changed
claims      shows claims, and makes the ledger, the errata and claims.json of them
problems    gives each problem its address, its neighbors and the time that it takes
answers     asks for readers' own answers, and has them judged on the page
figures     turns figures into files, and gives interactive ones their controls
maths       renders formulas with KaTeX at build time, strictly
speed       shows the stored run of the benchmarks
teeth       shows the stored run of planted faults
api         fits docstrings to the API pages
launch      links pages to the book's repository and notebooks to servers that run them
download    makes a notebook that is downloaded run on its own
finding     lists what the search leads to within pages: sections and claims
site        gives pages a description, their reading time and their address
light       links pages to the styles and letters that they use, and leaves out the rest
strictness  turns every warning into a failed build
progress    says what is being done, and how long it will take

Beside the build: build starts it, install fetches what it needs, closure finds what a notebook
depends on, kernel runs its cells, node runs KaTeX, PurgeCSS and esbuild, text takes it out of HTML,
stacking marks tables that are too wide for a phone, heights estimates the sections that a browser
has not laid out, chromium finds the browser that looks at the site, audit measures the pages in it,
pdf prints them, exporting fits notebooks to nbconvert.
"""

from importlib import import_module

from book import environment

MODULES = [
    "inputs",
    "execution",
    "reading",
    "claims",
    "problems",
    "answers",
    "figures",
    "maths",
    "speed",
    "teeth",
    "api",
    "launch",
    "download",
    "finding",
    "site",
    "light",
    "strictness",
    "progress",
]


def setup(app):
    environment.enter()  # before a module is imported that asks for settings, as Matplotlib does
    for name in MODULES:
        import_module(f"book.{name}").setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": False}
