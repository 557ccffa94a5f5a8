"""Gives each problem an address of its own, its neighbors, and the time that it takes to read.

A problem is the section whose title starts with its id. The id is its address, ``#A1``, whatever
the rest of the title says; the address that Sphinx makes of the title is kept beside it. Where a
text names a problem, the name leads there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from docutils import nodes

from book import site
from byhand.problems import BEYOND, PROBLEMS

BEYOND_TITLE = "Beyond the sheets"
NAMED = re.compile(
    rf"(?<![\w.#/-])({'|'.join(map(re.escape, sorted(PROBLEMS, key=len, reverse=True)))})"
    r"(?![\w-]|\.\w)"
)
"""A problem's id in a sentence: no part of a longer name, as a claim's is."""

# What is no sentence, or leads elsewhere already.
NO_SENTENCE = (nodes.title, nodes.reference, nodes.literal, nodes.math, nodes.FixedTextElement)


def _start(app) -> None:
    app.env.problem_sections = getattr(app.env, "problem_sections", {})


# -- addresses


def _give_addresses(app, doctree) -> None:
    """Put a problem's id before the address that its title has, and note where it is solved."""
    beyond = {chapter: name for name, chapter in BEYOND.items()}
    slugs = app.env.metadata[app.env.docname].get("myst_slugs", {})
    for section in doctree.findall(nodes.section):
        problem, _, title = section[0].astext().partition(" · ")
        if problem in PROBLEMS:
            app.env.problem_sections[problem] = (app.env.docname, title)
        elif problem == BEYOND_TITLE:
            problem = beyond.get(Path(app.env.docname).name)
        else:
            continue
        if problem:
            section["ids"].insert(0, problem)
            slugs[problem] = (section.line, problem, section[0].astext())


def _forget_addresses(app, env, docname: str) -> None:
    """Forget where problems are solved on a page that is read again."""
    for problem, (document, _) in list(env.problem_sections.items()):
        if document == docname:
            del env.problem_sections[problem]


def _address(app, problem: str, seen_from: str) -> str:
    document, _ = app.env.problem_sections[problem]
    page = "" if document == seen_from else app.builder.get_relative_uri(seen_from, document)
    return f"{page}#{problem}"


# -- names in a text


def _link_names(app, doctree, docname: str) -> None:
    for text in list(doctree.findall(nodes.Text)):
        if NAMED.search(text) and (home := _home(text)) is not None:
            text.parent.replace(text, list(_with_links(app, text, docname, home)))


def _home(text: nodes.Text) -> str | None:
    """Return the first address of the section that a sentence stands in; None of what is none."""
    node, home = text.parent, ""
    while node.parent is not None:
        if isinstance(node, NO_SENTENCE):
            return None
        if isinstance(node, nodes.section) and node["ids"] and node["ids"][0] in PROBLEMS:
            home = node["ids"][0]
        node = node.parent
    return home


def _with_links(app, text: nodes.Text, docname: str, home: str) -> Iterator[nodes.Node]:
    for i, part in enumerate(NAMED.split(text)):
        if i % 2 and part != home and part in app.env.problem_sections:
            yield nodes.reference("", part, refuri=_address(app, part, docname), internal=True)
        elif part:
            yield nodes.Text(part)


# -- what stands below a heading


def _say_where(app, pagename, templatename, context, doctree) -> None:
    """Say below a problem's heading how long it takes, and which come before and after it."""
    if doctree is None:
        return
    solved = [problem for problem in PROBLEMS if problem in app.env.problem_sections]
    for section in doctree.findall(nodes.section):
        if section["ids"] and (problem := section["ids"][0]) in solved:
            place = solved.index(problem)
            around = {
                "prev": solved[place - 1] if place else None,
                "next": solved[place + 1] if place + 1 < len(solved) else None,
            }
            said = [f"{site.minutes(section)} min to read"]
            said += [_neighbor(app, kind, name, pagename) for kind, name in around.items() if name]
            line = f'<p class="problem-line d-print-none">{" · ".join(said)}</p>'
            context["body"] = re.sub(
                rf'(<section [^>]*id="{re.escape(problem)}".*?</h\d>)',
                lambda heading, line=line: f"{heading[1]}\n{line}",
                context["body"],
                count=1,
                flags=re.DOTALL,
            )


def _neighbor(app, kind: str, problem: str, pagename: str) -> str:
    _, title = app.env.problem_sections[problem]
    words = {"prev": ("← ", "", "Previous"), "next": ("", " →", "Next")}
    before, after, said = words[kind]
    return (
        f'<a rel="{kind}" href="{escape(_address(app, problem, pagename))}" '
        f'title="{said} problem: {escape(title)}">{before}{escape(problem)}{after}</a>'
    )


def setup(app) -> None:
    app.connect("builder-inited", _start)
    app.connect("env-purge-doc", _forget_addresses)
    app.connect("doctree-read", _give_addresses, priority=400)  # contents are made of addresses
    app.connect("doctree-resolved", _link_names)
    app.connect("html-page-context", _say_where, priority=910)
