"""The audit of a site with a sound page and one that breaks the bars."""

from contextlib import contextmanager

import pytest

from book import audit

SOUND = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width"><meta name="description" content="A page.">
<link rel="icon" href="data:,"></head>
<body><main><h1>A page</h1><p>Its text.</p></main></body></html>
"""
UNSOUND = SOUND.replace(
    "<p>",
    '<img src="http://localhost:1/picture.png" width="9" height="9">'
    '<script>console.error("it went wrong")</script><p>',
)


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_below_a_bar_fails_by_name(browser, axe, tmp_path, capsys):
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "unsound.html").write_text(UNSOUND)
    assert audit.report(browser, tmp_path, audit.pages(tmp_path)) == 1
    table, problems = capsys.readouterr()
    rows = {line.split()[1]: line for line in table.splitlines() if line.startswith("│")}
    assert "✗" not in rows["index.html"]
    assert rows["unsound.html"].count("✗") >= 5
    assert "1 of 2 pages keep every bar" in table
    for problem in ("image-alt", "it went wrong"):
        assert f"unsound.html: {problem}" in problems
    assert "index.html: " not in problems


@pytest.mark.parametrize("figure", [*audit.AT_LEAST, *audit.AT_MOST])
def test_a_bar_is_kept_on_it_and_not_beyond(figure):
    bar = (audit.AT_LEAST | audit.AT_MOST)[figure]
    beyond = bar - 0.01 if figure in audit.AT_LEAST else bar + 0.01
    assert audit.is_within(figure, bar)
    assert not audit.is_within(figure, beyond)


def test_the_median_on_a_phone_has_a_run_beside_a_busy_core(monkeypatch):
    busy, runs = [], []

    @contextmanager
    def busy_core():
        with kept_busy() as work:
            busy.append(work)
            yield work
        busy.remove(work)

    kept_busy = audit.busy_core
    monkeypatch.setattr(audit, "busy_core", busy_core)
    monkeypatch.setattr(audit, "lighthouse", lambda url: runs.append([w.poll() for w in busy]))
    audit.on_phone("a page")
    assert sorted(runs) == [[], [], [None]]


def test_a_page_that_is_not_there_is_told_before_anything_is_measured(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text(SOUND)
    monkeypatch.setattr(audit.inputs, "FIRST_PAGE", tmp_path / "index.html")
    with pytest.raises(SystemExit, match=r"no page index; the pages are index\.html"):
        audit.main(["index"])
