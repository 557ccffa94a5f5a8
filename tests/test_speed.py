"""The benchmarks and their page: what is shown is what was stored, and a newcomer can take it."""

import importlib
import json
import sys

import pytest
from bs4 import BeautifulSoup

from book import inputs, speed

BENCHMARKS = inputs.ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))
measuring = importlib.import_module("measuring")

STORED = json.loads(speed.STORED.read_text("utf-8"))
MODULES = sorted(path.stem for path in BENCHMARKS.glob("bench_*.py"))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "seconds", "–"),
        (12, "seconds", "12.0 s"),
        (0.00123, "seconds", "1.23 ms"),
        (4.5678e-5, "seconds", "45.7 µs"),
        (9.9999e-4, "seconds", "1 000 µs"),
        (2e-9, "seconds", "2.00 ns"),
        (1234567, "count", "1 234 567"),
        (1234567, "bytes", "1 230 kB"),
        (0.87654, "ratio", "0.877 ×"),
        (1234.5, "ratio", "1 230 ×"),
        (1.5e-13, "error", "1.5e-13"),
        ("JAX", "text", "JAX"),
    ],
)
def test_an_entry_is_shown_with_three_digits(value, kind, text):
    assert speed.shown(value, kind) == text


def test_the_page_shows_the_stored_run_and_where_it_was_taken(site):
    page = BeautifulSoup((site / "reference/speed.html").read_text("utf-8"), "html.parser")
    text = page.select_one("article").get_text(" ")
    for word in (STORED["taken"], STORED["machine"]["processor"], *STORED["versions"]):
        assert word in text
    tables = page.select("article table")
    assert len(tables) == len(STORED["tables"])
    for table, stored in zip(tables, STORED["tables"], strict=True):
        kinds = [kind for _, kind in stored["columns"]]
        rows = [list(map(speed.shown, row, kinds)) for row in stored["rows"]]
        shown = [[cell.get_text() for cell in row.select("td")] for row in table.select("tbody tr")]
        assert [[" ".join(entry.split()) for entry in row] for row in shown] == rows


def test_another_run_gives_another_page():
    other = STORED | {"tables": [{**STORED["tables"][0], "rows": [["byhand", 1.0, 1.0]]}]}
    lines = speed.markdown(other)
    assert "| byhand | 1.00 s | 1.00 × |" in lines
    assert len(lines) < len(speed.markdown(STORED))


def test_the_stored_run_has_every_table_and_every_peer():
    count = sum(len(importlib.import_module(name).TABLES) for name in MODULES)
    assert len(STORED["tables"]) == count
    assert set(measuring.PEERS.values()) <= set(STORED["versions"])


def test_chapter_6_says_of_its_three_steps_what_was_timed():
    tables = {table["title"]: table["rows"] for table in STORED["tables"]}
    times = {name: pair for name, _, *pair in tables["A training step of three networks"]}
    full, local, shared = (
        times[kind] for kind in ("fully connected", "locally connected", "convolutional")
    )
    assert all(1 < one / other < 4 for one, other in zip(full, shared, strict=True))
    assert all(one <= other for one, other in zip(local, shared, strict=True))


def test_a_peer_that_is_absent_is_left_out_and_named(monkeypatch):
    monkeypatch.setitem(measuring.PEERS, "no_such_library", "Nothing")
    assert measuring.peer("no_such_library.part") is None
    assert "Nothing" in measuring.absent()
    for name in ("bench_backpropagation", "bench_optimization", "bench_hypergradients"):
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "peer", lambda name: None)
        makers = [getattr(module, maker) for maker in dir(module) if maker.endswith("_sweep")]
        makers += [getattr(module, maker) for maker in ("by_torch", "by_jax", "by_optax")
                   if hasattr(module, maker)]  # fmt: skip
        assert makers
        assert all(make(*[None] * make.__code__.co_argcount) is None for make in makers)


def test_a_run_of_one_module_or_without_peers_is_not_stored(capsys, monkeypatch, tmp_path):
    run = importlib.import_module("run")
    small = measuring.Table("T", "about", [("by", "text"), ("time", "seconds")], [["a", 1.0]])
    monkeypatch.setitem(sys.modules, "bench_small", type(sys)("bench_small"))
    sys.modules["bench_small"].TABLES = [lambda: small]
    monkeypatch.setattr(run, "MODULES", ["bench_small"])
    monkeypatch.setattr(speed, "STORED", tmp_path / "speed.json")
    monkeypatch.setattr(measuring, "absent", lambda: ["PyTorch"])
    run.main([])
    assert "Not installed and left out: PyTorch; make peers brings them." in capsys.readouterr().out
    assert not speed.STORED.exists()
    monkeypatch.setattr(measuring, "absent", list)
    run.main(["bench_small"])
    assert not speed.STORED.exists()
    monkeypatch.setattr(run, "versions", dict)
    run.main([])
    assert json.loads(speed.STORED.read_text("utf-8"))["tables"][0]["rows"] == [["a", 1.0]]
