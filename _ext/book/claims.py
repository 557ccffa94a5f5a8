"""Shows claims on the site, and makes the ledger, the errata and claims.json of them.

The claims come out of the executed notebooks, where ``byhand.evidence`` put them; what an entry
holds is said in ``byhand.evidence.entry``.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book import judging, teeth
from book.maths import inline_html
from book.strictness import BookError, node_location
from byhand.evidence import MIME_TYPE
from byhand.evidence.anchoring import share
from byhand.evidence.declaring import all_ids, load_all, module_of
from byhand.evidence.importing import refuse_work_at_import
from byhand.evidence.opening import Page, agreement, is_short, sentence, sheet
from byhand.problems import BEYOND, CHAPTERS, PROBLEMS

PUBLIC_FIELDS = [
    *("id", "problem", "chapter", "statement", "routes"),
    *("deviation", "tolerance", "sheet", "erratum", "verdict"),
    *("evidence", "for_all", "cases", "shared", "teeth", "judged"),
]
LEDGER = "reference/ledger"
EVIDENCE_WORDS = {
    "proved": "proved, for all values",
    "exact": "exact, at a stated point",
    "enclosed": "enclosed in an interval",
    "computed": "computed, to a tolerance",
    "measured": "measured, by an experiment",
    "sampled": "sampled, about all at points",
}
MARKS = {"verified": "✓", "confirmed": "✓", "corrected": "✗"}


# -- collecting --------------------------------------------------------------------------------


def _collect(app) -> None:
    """Take the claims from the executed notebooks, in the order of the book."""
    shown = [
        (document, claim)
        for document, notebook in app.executed_notebooks.items()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if MIME_TYPE in output.get("data", {})
        for claim in output.data[MIME_TYPE]["claims"]
        if not claim["own_inputs"]
    ]
    for document, claim in shown:
        if claim["chapter"] != Path(document).name:
            raise BookError(f"{document}.ipynb: claim {claim['id']} belongs to {claim['chapter']}")
    _require_each_once(app, [claim for _, claim in shown])
    modules = {claim.routes.__module__ for claim in load_all()}
    refusals = share([claim for _, claim in shown]) + refuse_work_at_import(sorted(modules))
    if refusals:
        raise BookError("\n".join(refusals))
    order = {problem: position for position, problem in enumerate((*PROBLEMS, *BEYOND))}
    chapters = list(CHAPTERS)
    stopped, judgements = teeth.stopped(), judging.judgements()
    app.claims = sorted(
        (
            claim
            | {"document": document}
            | {"teeth": stopped.get(claim["id"]), "judged": judging.judged(claim, judgements)}
            for document, claim in shown
        ),
        key=lambda claim: (chapters.index(claim["chapter"]), order[claim["problem"]]),
    )


def _require_each_once(app, claims: list[dict]) -> None:
    """Require that no id is shown twice, and that each claim of the package is shown."""
    counts = Counter(claim["id"] for claim in claims)
    if repeated := [claim_id for claim_id, count in counts.items() if count > 1]:
        raise BookError(f"claim ids stand for more than one claim: {', '.join(repeated)}")
    for document in app.executed_notebooks:
        chapter = Path(document).name
        if unseen := [claim_id for claim_id in all_ids(chapter) if claim_id not in counts]:
            raise BookError(
                f"{document}.ipynb: no cell checks {', '.join(unseen)} of {module_of(chapter)}"
            )


def _write_json(app, exception) -> None:
    if exception is None:
        entries = [_public(claim) for claim in app.claims]
        text = json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False)
        Path(app.outdir, "claims.json").write_text(text + "\n", encoding="utf-8")


def _public(claim: dict) -> dict:
    """Return what claims.json says of a claim: its routes are name → value there."""
    routes = {route["name"]: route["value"]["text"] for route in claim["routes"]}
    return {field: (claim | {"routes": routes})[field] for field in PUBLIC_FIELDS}


# -- words -------------------------------------------------------------------------------------


def _agreement(claim: dict) -> str:
    names = [route["name"] for route in claim["routes"]]
    routes = ", ".join(names[:-1]) + " and " + names[-1]
    methods = dict.fromkeys(route["method"] for route in claim["routes"])
    told = f" ({' · '.join(methods)})"
    closely = agreement(claim).partition("routes agree")[2].partition("; proved for")[0]
    return f"{routes} agree{closely}{told}"


def _statement(claim: dict) -> str:
    return f"{claim['statement']}: {claim['label']}" if claim["label"] else claim["statement"]


# -- nodes -------------------------------------------------------------------------------------


class _ClaimsDirective(SphinxDirective):
    """Common ground: Markdown inside directives, and tables."""

    def inline(self, text: str) -> list[nodes.Node]:
        """Return the nodes of one line of Markdown."""
        holder = nodes.Element()
        self.state.nested_parse(StringList([text], source=""), self.content_offset, holder)
        return holder[0].children if len(holder) == 1 else holder.children

    def table(self, classes: list[str], head: list[str], rows: list) -> nodes.table:
        """Return a table; a row is a pair of its id, or None, and its cells' nodes."""
        group = nodes.tgroup(cols=len(head))
        group += [nodes.colspec(colwidth=1) for _ in head]
        group += nodes.thead("", self._row([[nodes.Text(word)] for word in head]))
        body = nodes.tbody()
        for row_id, cells in rows:
            row = self._row(cells)
            if row_id:
                row["ids"].append(row_id)
            body += row
        group += body
        return nodes.table("", group, classes=classes)

    @staticmethod
    def _row(cells: list[list[nodes.Node]]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", _Words("", "", *cell)) for cell in cells))

    def link(self, document: str, fragment: str, text: str, title: str = "") -> nodes.reference:
        target = self.env.app.builder.get_relative_uri(self.env.docname, document)
        link = nodes.reference("", text, refuri=f"{target}#{fragment}", internal=True)
        if title:
            link["reftitle"] = title
        return link


class _Words(nodes.TextElement):
    """A cell's words, without the paragraph that thousands of cells would have for nothing."""


def _visit_words(translator, node: _Words) -> None:
    """Write the words as they are."""


class _Shown(nodes.Element):
    """The claims of one output, with words to search for.

    What they say of others, as where a function is checked, is looked up when the page is written.
    """


def _visit_shown(translator, node: _Shown) -> None:
    builder = translator.builder
    of_the_book = {claim["id"]: claim for claim in builder.app.claims}
    claims = [
        claim if claim["own_inputs"] else of_the_book[claim["id"]]
        for claim in node["shown"]["claims"]
    ]

    def link(id: str, shown: str) -> str:
        """Return a link to the claim in the ledger; to its first case if it has some."""
        cases = (claim["id"] for claim in builder.app.claims if id in (claim["id"], claim["claim"]))
        target = f"{builder.get_relative_uri(builder.current_docname, LEDGER)}#ledger-"
        classes, words = _taken(shown)
        return f'<a class="{classes}" href="{target}{next(cases, id)}">{words}</a>'

    def mathematics(latex: str) -> str:
        return inline_html(latex, node_location(builder.app, node))

    page = Page(mathematics, link)
    if caption := node["shown"]["caption"]:
        translator.body.append(page.table(claims, caption, _id))
    else:
        translator.body += [page.claim(claim, _id(claim)) for claim in claims]
    raise nodes.SkipNode


def _taken(shown: str) -> tuple[str, str]:
    """Return classes and words of a link to a claim: its mark or its id, without an element."""
    if mark := re.fullmatch(r'<span class="(claim-mark)">(.*)</span>', shown):
        return mark[1], mark[2]
    if code := re.fullmatch(r"<code>(.*)</code>", shown):
        return "claim-id", code[1]
    return "reference internal", shown


class ClaimsDirective(_ClaimsDirective):
    """The claims of one output: a line for a claim, or a table for several."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        shown = json.loads("\n".join(self.content))
        words = [shown["caption"] or ""]
        words += [f"{_statement(claim)} {claim['erratum'] or ''}" for claim in shown["claims"]]
        words = re.sub(r"\$[^$]*\$", " ", " ".join(words))
        node = _Shown("", nodes.Text(words), shown=shown)
        self.set_source_info(node)
        return [node]


def _id(claim: dict) -> str:
    return "" if claim["own_inputs"] else f' id="claim-{claim["id"]}"'


class LedgerDirective(_ClaimsDirective):
    """Every claim of the book, by chapter."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        self.env.note_dependency(str(teeth.STORED))
        self.env.note_dependency(str(judging.STORED))
        documents = self.env.app.executed_notebooks
        return [_raw(self._form()), *(node for one in documents for node in self._chapter(one))]

    def _form(self) -> str:
        """Return the form that chooses rows by a script, without which it is not to be seen."""
        claims = self.env.app.claims
        titles = self.env.app.chapter_titles
        chapters = {nodes.make_id(f"ledger-{name}"): title for name, title in titles.items()}
        choices = {
            "chapter": chapters,
            "problem": {claim["problem"]: claim["problem"] for claim in claims},
            "evidence": {kind: kind for kind in EVIDENCE_WORDS},
            "verdict": {verdict: verdict for verdict in MARKS},
        }
        all_of_them = f"{len(claims)} of {len(claims)} claims"
        fields = ""
        for name, values in choices.items():
            options = "".join(
                f'<option value="{html.escape(value)}">{html.escape(shown)}</option>'
                for value, shown in values.items()
            )
            field = f'<select name="{name}"><option value="">all</option>{options}</select>'
            fields += f"<label>{name} {field}</label>"
        return (
            f'<form class="ledger-filter">{fields}'
            '<label>words <input name="text" type="search" autocomplete="off"></label>'
            f'<button type="reset">all claims</button><output>{all_of_them}</output></form>'
        )

    def _chapter(self, document: str) -> list[nodes.Node]:
        claims = [claim for claim in self.env.app.claims if claim["document"] == document]
        if not claims:
            return []
        title = self.env.app.chapter_titles[document]
        section = nodes.section(ids=[nodes.make_id(f"ledger-{document}")])
        section += nodes.title("", title)
        head = ["Claim", "Statement", "Evidence", "Routes", "Sheet", "Teeth", "Verdict"]
        rows = [self._entry(claim) for claim in claims]
        section += self.table(["ledger", "claims-ledger"], head, rows)
        return [section]

    def _entry(self, claim: dict) -> tuple[str, list]:
        mark = f"{MARKS[claim['verdict']]} {claim['verdict']}"
        quantifier = f", for all {_bare(claim['for_all'])}" if claim["for_all"] else ""
        return f"ledger-{claim['id']}", [
            [self.link(claim["document"], f"claim-{claim['id']}", claim["id"])],
            self.inline(_statement(claim) + quantifier),
            self.inline(claim["evidence"]),
            self.inline(_agreement(claim)),
            [nodes.Text(sheet(claim) if claim["sheet"] else "–")],
            [nodes.Text(_teeth(claim))],
            [nodes.inline("", mark, classes=["claim-slip"] * bool(claim["erratum"]))],
        ]


def _bare(quantifier: str) -> str:
    return quantifier.removeprefix("all ")


def _teeth(claim: dict) -> str:
    """Say how many planted faults the claim has stopped, and whether its routes were judged."""
    stopped = "–" if claim["teeth"] is None else str(claim["teeth"])
    return f"{stopped} · {claim['judged']}" if claim["judged"] else stopped


class ErrataDirective(_ClaimsDirective):
    """What the sheets print beside what is right, by problem."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        slips = [claim for claim in self.env.app.claims if claim["erratum"]]
        head = ["Claim", "What is right", "What the sheet has", "What went wrong"]
        rows = [
            (
                None,
                [
                    [self.link(claim["document"], f"claim-{claim['id']}", claim["id"])],
                    self._right(claim),
                    [nodes.Text(claim["sheet"])],
                    self.inline(sentence(claim["erratum"])),
                ],
            )
            for claim in slips
        ]
        return [self.table(["ledger", "errata"], head, rows)]

    def _right(self, claim: dict) -> list[nodes.Node]:
        """Return the statement, with its value where that is a number or two."""
        value = claim["result"]
        if not is_short(value):
            return self.inline(_statement(claim))
        place = (self.env.docname, self.lineno)
        page = Page(lambda latex: inline_html(latex, place))
        shown = _raw(f" <strong>{page.value(value)}</strong>")
        return [*self.inline(f"{_statement(claim)}:"), shown]


class ProblemsDirective(_ClaimsDirective):
    """Every problem that is solved, by chapter: where, from which sheet, with how many claims.

    Sphinx reads pages in alphabetical order, so the numbered chapters have been read by then.
    """

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        counts = Counter(claim["problem"] for claim in self.env.app.claims)
        head = ["Problem", "What it is about", "Sheet", "Chapter", "Claims"]
        rows = []
        for problem in PROBLEMS:
            if problem in self.env.problem_sections:
                document, title = self.env.problem_sections[problem]
                words = [problem, title, problem[0], self.env.app.chapter_titles[document]]
                cells = [[nodes.Text(word)] for word in [*words, str(counts[problem])]]
                cells[0] = [self.link(document, problem, problem)]
                rows.append((None, cells))
        return [self.table(["ledger", "problems"], head, rows)]


class TotalsDirective(_ClaimsDirective):
    """The numbers of the landing page: what is solved, and what is known of it in which way."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        claims = self.env.app.claims
        verdicts = Counter(claim["verdict"] for claim in claims)
        kinds = Counter(claim["evidence"] for claim in claims)
        solved = {claim["problem"] for claim in claims} & set(PROBLEMS)
        ledger, problems = (
            self.env.app.builder.get_relative_uri(self.env.docname, page)
            for page in (LEDGER, "reference/problems")
        )
        figures = [
            (len(solved), "problems solved", problems),
            (len(claims), "claims, each by two routes or more", ledger),
            (
                verdicts["confirmed"],
                "values of the sheets confirmed",
                f"{ledger}?verdict=confirmed",
            ),
            (verdicts["corrected"], "corrected", f"{ledger}?verdict=corrected"),
        ]
        evidence = [
            (kinds[kind], words, f"{ledger}?evidence={kind}")
            for kind, words in EVIDENCE_WORDS.items()
            if kinds[kind]
        ]
        return [_raw(self._list(part)) for part in (figures, evidence)]

    def _list(self, figures: list[tuple[int, str, str]]) -> str:
        items = "".join(
            f'<div><dt><a class="reference internal" href="{address}">{html.escape(words)}</a></dt>'
            f"<dd>{number}</dd></div>"
            for number, words, address in figures
        )
        return f'<dl class="totals simple">{items}</dl>'


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _as_directive(app, output: dict) -> str:
    return f"``````{{book-claims}}\n{json.dumps(output)}\n``````"


def _read_titles(app) -> None:
    """Take each chapter's title from its first heading: the ledger is read before some chapters."""
    app.chapter_titles = {
        document: notebook.cells[0].source.splitlines()[0].lstrip("# ")
        for document, notebook in app.executed_notebooks.items()
    }


def setup(app) -> None:
    app.output_directives[MIME_TYPE] = _as_directive
    app.add_node(_Shown, html=(_visit_shown, None))
    app.add_node(_Words, html=(_visit_words, _visit_words))
    app.add_directive("book-claims", ClaimsDirective)
    app.add_directive("ledger", LedgerDirective)
    app.add_directive("errata", ErrataDirective)
    app.add_directive("problems", ProblemsDirective)
    app.add_directive("claim-totals", TotalsDirective)
    app.connect("builder-inited", _collect, priority=600)
    app.connect("builder-inited", _read_titles, priority=600)
    app.connect("build-finished", _write_json)
