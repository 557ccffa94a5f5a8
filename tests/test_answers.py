"""Readers' answers: what each problem asks for, and what both checkers say of what is typed."""

import gzip
import json
import re
from functools import cache

import answering
import numpy as np
import pytest
from conftest import hosted, until

from book import answers as forms
from book import inputs, node
from byhand.answers import asking, judging, reading, typesetting
from byhand.answers.rules import RULES, UnreadError, words
from byhand.evidence import check
from byhand.problems import PROBLEMS

CHAPTER = "chapters/02_optimization.html"


@pytest.fixture(scope="module")
def table(keys):
    return [row for data in keys.values() for row in answering.rows(data)]


# -- what is asked for ---------------------------------------------------------------------------


def test_every_problem_has_something_to_do(keys):
    assert {one.problem for one in asking.asked().values()} == set(PROBLEMS)
    assert set(keys) == set(asking.asked())
    assert len(PROBLEMS) == 51


def test_no_field_asks_for_what_another_one_asks_for():
    labels = [
        (one.problem, one.label)
        for one in asking.asked().values()
        if not one.label.startswith("It is a")
    ]
    assert len(set(labels)) == len(labels)


def test_a_formula_is_compared_at_points_of_its_domain(keys):
    domains = {
        "positive": lambda x: x > 0,
        "unit": lambda x: 0 < x < 1,
        "integer": lambda x: x == round(x),
    }
    for data in keys.values():
        if data["kind"] != "formula":
            continue
        one = asking.asked()[data["id"]]
        assert len(data["points"]) >= 12
        assert data["points"] == json.loads(json.dumps(asking.points(one)))
        for name, domain in one.symbols.items():
            values = [asking.as_value(point[name]) for point in data["points"]]
            if domain in domains:
                assert all(domains[domain](value.real) for value in values)
            if one.complex and domain in ("real", "positive", "unit"):
                assert sum(value.imag != 0 for value in values) >= len(values) // 2


ANCHORED = [one for one in asking.asked().values() if one.at]


@pytest.mark.parametrize("one", ANCHORED, ids=lambda one: one.claim)
def test_a_formula_has_the_value_of_its_claim(one, results):
    symbols = {}
    for name, value in one.at.items():
        derived = isinstance(value, str)
        symbols[name] = (
            reading.evaluate(reading.plain(value[1:], list(symbols)), symbols) if derived else value
        )
    found = [
        reading.evaluate(reading.plain(text, list(one.symbols)), symbols) for text in one.right
    ]
    texts = np.ravel(results[one.claim]).tolist()
    wanted = [reading.evaluate(reading.plain(text, list(one.symbols)), symbols) for text in texts]
    assert np.ravel(found) == pytest.approx(np.array(wanted), rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module")
def results():
    """The results of the claims that say a formula at a point, as texts."""
    from byhand.evidence.declaring import find
    from byhand.evidence.keying import texts
    from byhand.evidence.running import run

    return {one.claim: texts(run(find(one.claim)[0], one.claim).result) for one in ANCHORED}


def right_at(claim: str, **symbols):
    one = asking.asked()[claim]
    return [reading.evaluate(reading.plain(text, list(one.symbols)), symbols) for text in one.right]


def column(*entries):
    return np.array(entries, dtype=float)[:, None]


def slope(function, at, step=1e-6):
    return (function(at + step) - function(at - step)) / (2 * step)


def descent(steps, H, start):
    """The run of SGD on ½wᵀHw, from the start."""
    run = [start]
    for eta in steps:
        run.append(run[-1] - eta * H @ run[-1])
    return run


RUN = {
    "H": np.array([[2.0, 0.5, 0], [0.5, 1, -0.3], [0, -0.3, 1.5]]),
    "start": np.array([1.0, -2, 0.5]),
}
STEPS = [0.3, 0.2, 0.35, 0.15]


def loss_after(steps):
    w = descent(steps, **RUN)[-1]
    return 0.5 * w @ RUN["H"] @ w


@pytest.mark.parametrize(
    ("claim", "back"), [("D3.1.quadratic", 1), ("D3.3.quartic", 2), ("D3.4.quartic", 3)]
)
def test_a_hypergradient_is_that_of_a_run(claim, back):
    gradients = [RUN["H"] @ w for w in descent(STEPS, **RUN)]
    symbols = {f"g_{i}": column(*gradients[-i]) for i in range(1, 5)}
    symbols |= {f"H_{i}": RUN["H"] for i in (2, 3, 4)} | {"I": np.eye(3)}
    symbols |= {f"eta_{i}": STEPS[-i] for i in (1, 2, 3)}

    def changed(eta):
        return loss_after([*STEPS[:-back], eta, *STEPS[len(STEPS) - back + 1 :]])

    assert right_at(claim, **symbols)[0].real == pytest.approx(
        slope(changed, STEPS[-back]), rel=1e-6
    )


def test_the_step_size_of_the_step_size_is_that_of_a_run():
    H, run = RUN["H"], descent(STEPS, **RUN)
    gradients = [H @ w for w in run]
    product = gradients[-2] @ gradients[-3]
    symbols = {f"g_{i}": column(*gradients[-i]) for i in (1, 2, 3)}
    found = slope(lambda alpha: loss_after([*STEPS[:-1], STEPS[-1] + alpha * product]), 0.0)
    assert right_at("D3.2.quadratic", **symbols)[0].real == pytest.approx(found, rel=1e-6, abs=0)


def test_the_neurons_gradient_is_that_of_its_loss():
    x, w, b, t, strength = np.array([0.5, -1.0, 2.0]), np.array([0.3, 0.8, -0.2]), 0.4, 0.7, 0.35

    def loss(w, b):
        return 0.5 * (1 / (1 + np.exp(-(w @ x + b))) - t) ** 2 + strength / 2 * w @ w

    y = 1 / (1 + np.exp(-(w @ x + b)))
    symbols = {"x": column(*x), "w": column(*w), "b": b, "t": t, "lambda": strength, "y": y}
    by_w = [slope(lambda e, i=i: loss(w + e * np.eye(3)[i], b), 0.0) for i in range(3)]
    assert np.ravel(right_at("B3.1.dLreg-dw", **symbols)[0]).real == pytest.approx(
        by_w, rel=1e-6, abs=0
    )
    by_b = slope(lambda e: loss(w, b + e), 0.0)
    assert right_at("B3.1.dLreg-db", **symbols)[0].real == pytest.approx(by_b, rel=1e-6, abs=0)


def test_the_other_formulas_are_what_their_claims_say():
    X, t, w = np.array([[1.0, 2, -1], [0, 1, 3]]), np.array([2.0, -1]), np.array([0.5, -3, 2])
    nearest = w + np.linalg.pinv(X) @ (t - X @ w)
    found = right_at("E1.1.other-start", X=X, t=column(*t), w_0=column(*w))[0]
    assert np.ravel(found).real == pytest.approx(nearest)
    gained = 0.5 * 3 * (2.0**2 - (2 - 0.2 * 3 * 2) ** 2) / (3 * 2.0) ** 2  # on 3/2 x² from 2
    assert right_at("D1.descent", eta=0.2, beta=3)[0].real == pytest.approx(gained)
    assert asking.asked()["D2.7.range"].right == asking.asked()["D2.6.end"].right
    a = np.exp(0.3)
    *_, d, e = right_at("D4.2.value", x=0.3, a=a, b=a**2, c=a + a**2)
    assert (d + e).real == pytest.approx(np.exp(a + a**2) + np.sin(a + a**2))


# -- what is said --------------------------------------------------------------------------------


def test_every_answer_gets_the_verdict_that_it_should(keys, table):
    assert len(table) > 1300
    off = []
    for row in table:
        found = judging.judge(keys[row["id"]], row["texts"])
        if row["expected"] and found.verdict not in row["expected"]:
            off.append((row["id"], row["why"], row["texts"], found))
    assert off == []


def test_every_kind_of_row_is_in_the_table(table):
    whys = {row["why"] for row in table}
    assert whys >= {
        "last digit",
        "sign",
        "factor 2",
        "swapped entries",
        "dropped term",
        "LaTeX",
        "decimals",
    }


def test_the_page_says_the_same_in_the_same_words(keys, table, tmp_path):
    """What the browsers run, run by node; a browser is asked about a part of it below."""
    script = node.run(forms.BUNDLE, str(forms.SCRIPT))
    (tmp_path / "judge.mjs").write_text(script + RUN_TABLE, encoding="utf-8")
    (tmp_path / "answers.mjs").write_text(script + RIGHT_ANSWERS, encoding="utf-8")
    asked = json.dumps({"keys": keys, "table": table})
    said = json.loads(node.run(tmp_path / "judge.mjs", asked))
    differ = [
        (row["id"], row["texts"], mine, theirs)
        for row, theirs in zip(table, said, strict=True)
        if (mine := in_the_notebook(keys[row["id"]], row["texts"])) != theirs
    ]
    assert differ == []
    shown = json.loads(node.run(tmp_path / "answers.mjs", json.dumps(keys)))
    right = {claim: data for claim, data in keys.items() if data["right"]}
    assert shown == {claim: typesetting.right_answer(data) for claim, data in right.items()}


def in_the_notebook(data, texts):
    """What is said of a row of the table, and what was understood."""
    understood = data["kind"] in ("choice", "steps") or typesetting.understood(
        data["symbols"], data["shape"], texts
    )
    return [*judging.judge(data, texts), understood]


RUN_TABLE = """
const { readFileSync } = await import("node:fs");
const { keys, table } = JSON.parse(readFileSync(0, "utf8"));
const { judge, understood } = globalThis.byhandAnswers;
const isTyped = ({ kind }) => kind !== "choice" && kind !== "steps";
const said = table.map(({ id, texts }) => {
  const { verdict, words } = judge(keys[id], texts);
  return [verdict, words, !isTyped(keys[id]) || understood(keys[id], texts)];
});
process.stdout.write(JSON.stringify(said));
"""
RIGHT_ANSWERS = """
const { readFileSync } = await import("node:fs");
const keys = Object.values(JSON.parse(readFileSync(0, "utf8")));
const { rightAnswer } = globalThis.byhandAnswers;
const shown = keys.filter(({ right }) => right.length).map((one) => [one.id, rightAnswer(one)]);
process.stdout.write(JSON.stringify(Object.fromEntries(shown)));
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("√21/4", "sqrt(21)/4"),
        ("13/5", "13/5"),
        ("1e-3", "1e-3"),
        ("π/2", "pi/2"),
        ("2ηh²", "2*eta*h^(2)"),
        ("log|1-h|", "log(abs(1-h))"),
        ("‖h‖", "norm(h)"),
        (r"\frac12\eta", "((1)/(2))*eta"),
        ("h1", "h_1"),
        ("√(2)h", "sqrt(2)*h"),
    ],
)
def test_a_text_is_read(text, read):
    assert reading.plain(text, ["eta", "h", "h_1"]) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2 3/5", "“3” follows a number"),
        ("2,6", "a comma"),
        ("foo", "“foo” is not known here; known are x"),
        ("sin 2", "sin needs its argument in parentheses"),
        ("(x", "is not closed"),
        ("2*", "something is missing at the end, after “2*”"),
        (r"\foo", r"the LaTeX command \foo is not known"),
        ("x.real", "“.” means nothing here, after “x”"),
    ],
)
def test_what_is_not_understood_is_said_and_where(text, why):
    with pytest.raises(UnreadError, match=re.escape(why)):
        reading.plain(text, ["x"])


@pytest.mark.parametrize(
    "text", ["().__class__", "x if x else x", "[x for x in x]", "x;x", "f'{x}'", "x@x", "x:=1"]
)
def test_a_text_is_never_a_program(text):
    with pytest.raises(UnreadError):
        reading.plain(text, ["x"])


def test_every_word_is_used():
    used = "".join(
        path.read_text(encoding="utf-8")
        for path in inputs.files(
            "src/byhand/answers/*.py", "src/byhand/evidence/*.py", "_ext/book/answers.mjs"
        )
    )
    assert [key for key in RULES["words"] if f'"{key}"' not in used] == []


# -- in the notebook -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "value", "said"),
    [
        ("A1.w3", [2.6, 1.04], "✓ A1.w3: right – "),
        ("A1.w3", "2.6, 1.04", "✓ A1.w3: right – "),
        ("A1.w3", ["13/5", "26/25"], "✓ A1.w3: right – "),
        ("A1.w3", "(2.6, 1.05)", "✗ A1.w3: the second entry differs."),
        ("A1.w3", [2.6, 1.05], "✗ A1.w3: the second entry differs."),
        ("A1.w3", [-4.6, 13.68], "✗ A1.w3: the loss is a mean: its gradient is divided by B"),
        ("A1.w3", "2.6", "✗ A1.w3: a vector of 2 numbers is asked for, this is a number."),
        ("A1.gradient", ["5w1 - 5w2 - 5", r"-5w_1 + 10w_2"], "✓ A1.gradient: right – "),
        ("B1.2iii.x", "yᵀA", "✓ B1.2iii.x: right – "),
        ("B1.2iii.x", r"A^{\top} y", "✗ B1.2iii.x: this is the transpose"),
        ("B1.2iii.x", [[-1, 5, -4]], "✗ B1.2iii.x: a vector of 3 numbers is asked for"),
        ("B1.2iii.x", [-1, 5, -4], "✓ B1.2iii.x: right – "),
        ("E3.1.detects", "horizontal lines", "✗ E3.1.detects: this is what the sheet has."),
        ("B2.1.kind-2", "saddle point", "✓ B2.1.kind-2: right – "),
    ],
)
def test_the_notebook_gives_the_same_verdicts(capsys, id, value, said):
    check(id, value)
    assert capsys.readouterr().out.startswith(said)


def test_nothing_is_no_rounding_of_a_small_number():
    data = {"rtol": 0.0, "floor": 0.0}
    small = judging.number("0.004")
    assert judging.agreement(judging.number("0"), small, data) is None
    assert judging.agreement(judging.number("0.00"), small, data) is None
    assert judging.agreement(judging.number("0"), judging.number("0"), data) == "right"
    assert judging.agreement(judging.number("0.0040"), small, data) == "right"


# -- on the page ---------------------------------------------------------------------------------


@cache
def answered(browser, base, chapter=CHAPTER, **options):
    page = browser.new_page(**options)
    page.problems = []
    page.on("console", lambda m: m.type == "error" and page.problems.append(m.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(f"{base}/{chapter}")
    return page


def give(page, claim, *texts):
    """Type an answer and ask for the verdict; return it with its words."""
    form = page.locator(f'form.answer[data-claim="{claim}"]')
    for i, text in enumerate(texts):
        field = form.locator("input, select").nth(i)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)
    form.locator("button[type=submit]").click()
    status = form.locator("[role=status][data-verdict]")
    status.wait_for()
    return status.get_attribute("data-verdict"), status.inner_text()


# Right, wrong and a slip, the sheet's where it has one.
SOLVED = [
    ("02_optimization", "A1.w3", ["2.6", "1.04"], "right"),
    ("02_optimization", "A1.w3", ["13/5", "1.05"], "wrong"),
    ("02_optimization", "A1.w3", ["-23/5", "342/25"], "slip"),
    ("02_optimization", "B2.1.point-3", ["(-√21-6)/4", "3(-√21-6)/16"], "right"),
    ("02_optimization", "B2.1.point-3", ["(√21-6)/4", "3(√21-6)/16"], "wrong"),
    ("02_optimization", "B2.1.point-3", ["3/16(-√21-6)", "3/16(-√21-6)"], "slip"),
    ("02_optimization", "B2.1.kind-2", ["saddle point"], "right"),
    ("02_optimization", "B2.1.kind-3", ["maximum"], "wrong"),
    ("02_optimization", "C-adam.theta-2", ["0.6971", "0.1971", "0.4983", "0.1933"], "rounded"),
    ("02_optimization", "C-adam.mhat-2", ["-0.99", "-0.49", "-1.7", "-0.5"], "wrong"),
    ("02_optimization", "C-adam.vhat-2", ["1.03", "0.02", "0.31", "0.06"], "slip"),
    ("03_sgd_stability", "D2.5.best", [r"\frac{h}{h^2+\rho}"], "right"),
    ("03_sgd_stability", "D2.5.best", ["h/(h^2 - rho)"], "wrong"),
    ("03_sgd_stability", "D2.5.best", ["1/h"], "slip"),
    ("05_backpropagation", "B3.1.dLreg-dw", ["-(t-y)*y*(1-y)*x + λw"], "right"),
    ("05_backpropagation", "B3.1.dLreg-dw", ["(y-t)*y*(1+y)*x + λw"], "wrong"),
    ("05_backpropagation", "B3.1.dLreg-dw", ["(y-t)*x + lambda*w"], "slip"),
    ("06_convolutional_networks", "E3.2.parameters", ["27"], "right"),
    ("06_convolutional_networks", "E3.2.parameters", ["28"], "wrong"),
    ("06_convolutional_networks", "E3.2.parameters", ["30"], "slip"),
    ("06_convolutional_networks", "E3.2.parameters", ["twenty"], "unread"),
]


@pytest.mark.browser
@pytest.mark.parametrize("by", ["file", "http"])
def test_a_student_is_told(browser, site, served_site, keys, by):
    base = site.as_uri() if by == "file" else served_site
    with browser.new_context(offline=by == "file") as context:
        for chapter, claim, texts, verdict in SOLVED:
            page = answered(context, base, f"chapters/{chapter}.html")
            found = give(page, claim, *texts)
            assert found == tuple(judging.judge(keys[claim], texts))
            assert found[0] == verdict
            assert page.problems == []


@pytest.mark.browser
def test_a_browser_judges_as_python_does(browser, site, keys, table):
    page = answered(browser, site.as_uri())
    give(page, "C-loss", "11.045")
    script = (
        "([keys, table]) => table.map(r => Object.values(byhandAnswers.judge(keys[r.id], r.texts)))"
    )
    rows = [row for row in table if row["why"] != "reading"]
    said = page.evaluate(script, [keys, rows])
    assert said == [list(judging.judge(keys[row["id"]], row["texts"])) for row in rows]


@pytest.mark.browser
def test_what_was_understood_is_shown_as_mathematics(browser, site):
    page = answered(browser, site.as_uri(), "chapters/03_sgd_stability.html")
    form = page.locator('form.answer[data-claim="D2.5.best"]')
    form.locator("input").fill("h/(h^2 + ρ)")
    echo = form.locator(".answer-echo math")
    echo.wait_for()
    assert echo.locator("annotation").text_content() == r"\frac{h}{h^{2}+\rho}"
    form.locator("input").fill("h/(")
    assert form.locator(".answer-echo").inner_html() == ""


@pytest.mark.browser
def test_a_vector_is_shown_as_one_and_what_is_missing_as_a_box(browser, site):
    page = answered(browser, site.as_uri())
    form = page.locator('form.answer[data-claim="A1.limit"]')
    form.locator("input").first.fill("√21/4")
    annotation = form.locator(".answer-echo annotation")
    annotation.wait_for(state="attached")
    assert annotation.text_content() == r"\left(\frac{\sqrt{21}}{4},\; \square\right)"


@pytest.mark.browser
def test_a_long_formula_fades_where_there_is_more_of_it(browser, site):
    page = answered(browser, site.as_uri(), "chapters/03_sgd_stability.html")
    form = page.locator('form.answer[data-claim="D2.5.best"]')
    echo = form.locator(".answer-echo")
    form.locator("input").fill("h/(h^2 + ρ)")
    echo.locator("math").wait_for()
    assert echo.get_attribute("data-more-after") is None
    form.locator("input").fill(" + ".join(["h/(h^2 + ρ)"] * 40))
    form.locator(".answer-echo[data-more-after]").wait_for()
    assert echo.evaluate("block => getComputedStyle(block).maskImage") != "none"


@pytest.mark.browser
def test_the_right_answer_is_shown_to_who_asks_for_it(browser, served_site):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{served_site}/{CHAPTER}")
        form = page.locator('form.answer[data-claim="A1.radius"]')
        button, shown = form.locator(".answer-show"), form.locator(".answer-value")
        form.locator("input").focus()
        button.wait_for(state="attached")
        assert not button.is_visible()
        assert give(page, "A1.radius", "0.8")[0] == "slip"
        button.press("Enter")
        assert shown.locator("annotation").text_content() == "0.894427"
        assert not button.is_visible()
        assert form.locator("[role=status]").count() == 1
        page.locator("summary[aria-label='Try first']").click()
        page.locator(".answers-forget").click()
        assert shown.inner_html() == ""
        assert not button.is_visible()
        assert give(page, "A1.radius", "2/sqrt(5)")[0] == "right"
        assert not button.is_visible()


@pytest.mark.browser
def test_nothing_is_fetched_before_a_reader_comes_near(browser, served_site):
    with browser.new_context() as context:
        page, asked = context.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{served_site}/{CHAPTER}")
        page.wait_for_load_state("networkidle")
        assert not any("/answers/" in url for url in asked)
        page.locator('form.answer[data-claim="A1.w3"] input').first.focus()
        until(page, "!!globalThis.byhandKeys")
        assert [url.split("/")[-1].split("?")[0] for url in asked if "/answers/" in url] == [
            "judge.js",
            "A1.js",
        ]


def test_little_arrives_when_the_first_field_is_used(site):
    folder = site / "_static" / "answers"
    size = {path.name: len(gzip.compress(path.read_bytes())) for path in folder.iterdir()}
    assert size.pop("judge.js") + max(size.values()) <= 300_000


@pytest.mark.browser
def test_without_scripts_a_page_says_how_to_check(browser, site):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site.as_uri()}/{CHAPTER}")
        assert page.locator("form.answer").count() == 0
        shown = "block => getComputedStyle(block, '::after').content.length"
        block = page.locator('.answers[data-problem="A1"]')
        assert 'check("A1.gradient"' in block.get_attribute("data-how")
        assert block.evaluate(shown) > len("none")


WAITING = "() => document.querySelectorAll('.answers template').length"


@pytest.mark.browser
def test_fields_come_near_the_reader_at_once_and_everywhere_later(browser, site):
    page = browser.new_page()
    page.goto(f"{site.as_uri()}/{CHAPTER}#E1.1")
    page.locator('.answers[data-problem="E1.1"] > form.answer').first.wait_for()
    assert page.evaluate(WAITING) > 10
    until(page, f"() => !({WAITING})()")
    page.reload()
    assert page.evaluate(WAITING) > 10
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(WAITING) == 0
    page.close()


@pytest.mark.browser
def test_forms_work_by_keyboard_and_are_named(browser, site):
    page = answered(browser, site.as_uri())
    until(page, f"() => !({WAITING})()")
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('form.answer :is(input, select)')].filter(field =>"
        " !(field.getAttribute('aria-label') || field.labels[0]?.textContent.trim())).length"
    )
    assert unnamed == 0
    page.locator('form.answer[data-claim="C-loss"] input').fill("11.045")
    page.keyboard.press("Enter")
    status = page.locator('form.answer[data-claim="C-loss"] [data-verdict]')
    status.wait_for()
    assert status.inner_text() == words("right")


def test_each_form_has_its_fields(site, keys):
    html = "".join(
        path.read_text(encoding="utf-8") for path in sorted(site.glob("chapters/*.html"))
    )
    found = re.findall(r'<form class="answer" data-claim="([^"]*)".*?</form>', html, re.DOTALL)
    assert found == list(keys)
    for match in re.finditer(
        r'<form class="answer" data-claim="([^"]*)".*?</form>', html, re.DOTALL
    ):
        fields = len(re.findall(r"<(?:input|select)\b", match[0]))
        assert fields == int(np.prod(keys[match[1]]["shape"], dtype=int))


@pytest.mark.browser
def test_the_scripts_work_at_a_strict_host(browser, site):
    with hosted(site, headers={"Content-Security-Policy": "default-src 'self'"}) as base:
        page = answered(browser, base)
        assert give(page, "C-forward.h", "1")[0] == "right"
        assert page.problems == []


# -- try first -----------------------------------------------------------------------------------


FOLDED = """
problem => [...document.querySelector(`.answers[data-problem='${problem}']`).parentElement.children]
  .at(-1).checkVisibility({ contentVisibilityAuto: false }) === false
"""


def folded(page, problem):
    """Whether what follows a problem's answers is hidden."""
    return page.evaluate(FOLDED, problem)


@pytest.fixture
def trying(browser, served_site):
    """A page on which the reader tries first, in a browser of its own."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{served_site}/{CHAPTER}")
        page.locator("summary[aria-label='Try first']").click()
        page.locator(".try-first").click()
        page.keyboard.press("Escape")
        yield page


@pytest.mark.browser
def test_every_solution_is_folded_on_every_page(trying, served_site):
    assert folded(trying, "A1")
    assert folded(trying, "E2.3.2")
    trying.goto(f"{served_site}/chapters/05_backpropagation.html")
    assert folded(trying, "B3.1")
    assert trying.locator(".try-first").get_attribute("aria-checked") == "true"
    trying.reload()
    assert folded(trying, "B3.1")
    trying.locator("summary[aria-label='Try first']").click()
    trying.locator(".try-first").click()
    assert not folded(trying, "B3.1")


@pytest.mark.browser
def test_a_solution_opens_by_its_button_or_when_the_answer_is_right(trying):
    trying.locator(".answers[data-problem='A1'] .answers-open").click()
    assert not folded(trying, "A1")
    assert folded(trying, "C-loss")
    give(trying, "C-loss", "22.09")
    assert folded(trying, "C-loss")
    assert give(trying, "C-loss", "2209/200")[0] == "right"
    trying.locator(".answers[data-problem='C-loss'][data-open]").wait_for()
    assert not folded(trying, "C-loss")


@pytest.mark.browser
def test_answers_stay_in_this_browser_until_they_are_forgotten(trying, served_site):
    give(trying, "C-forward.h", "1")
    give(trying, "C-forward.y", "0.31")
    trying.reload()
    form = trying.locator('form.answer[data-claim="C-forward.y"]')
    assert form.locator("input").input_value() == "0.31"
    assert form.locator("[role=status]").get_attribute("data-verdict") == "wrong"
    give(trying, "C-forward.y", "0.3")
    trying.goto(f"{served_site}/reference/problems.html")
    row = trying.locator(
        "table.problems tr", has=trying.get_by_role("link", name="C-forward", exact=True)
    )
    assert "2 of 2 right" in row.inner_text()
    chapter = trying.locator(".bd-sidebar-primary li", has_text="Optimization").first
    assert "1 solved" in chapter.text_content()
    trying.goto(f"{served_site}/{CHAPTER}")
    trying.locator("summary[aria-label='Try first']").click()
    trying.locator(".answers-forget").click()
    assert form.locator("input").input_value() == ""
    assert trying.evaluate("Object.keys(localStorage).includes('byhand-answers')") is False
    assert folded(trying, "C-forward")


@pytest.mark.browser
@pytest.mark.parametrize("by", ["file", "http"])
def test_an_address_opens_a_page_with_its_solutions_folded(browser, site, served_site, by):
    base = site.as_uri() if by == "file" else served_site
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{base}/{CHAPTER}?try#A1")
        assert folded(page, "A1")
        page.goto(f"{base}/{CHAPTER}")
        assert not folded(page, "A1")


@pytest.mark.browser
def test_a_link_into_a_solution_opens_it(browser, served_site):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{served_site}/{CHAPTER}?try#claim-A1.w3")
        assert not folded(page, "A1")
        assert folded(page, "B2.1")


@pytest.mark.browser
def test_a_page_printed_in_this_state_is_an_exercise_sheet(trying):
    give(trying, "C-loss", "2209/200")
    trying.emulate_media(media="print")
    text = trying.locator(".answers[data-problem='A1']").evaluate(
        "block => block.parentElement.innerText"
    )
    assert "carry out three updates" in text.replace("\n", " ")
    assert "where the iterates go" in text
    assert "Where it applies" not in text
    solved = trying.locator(".answers[data-problem='C-loss']").evaluate(
        "b => b.parentElement.innerText"
    )
    assert "right." not in solved
    assert "Check" not in solved
    field = trying.locator('form.answer[data-claim="C-loss"] input')
    assert field.evaluate("field => getComputedStyle(field).visibility") == "hidden"


@pytest.mark.browser
def test_a_page_printed_as_it_is_has_no_fields(browser, site):
    page = answered(browser, site.as_uri())
    page.emulate_media(media="print")
    assert not page.locator(".answers").first.is_visible()
    page.emulate_media(media="screen")


# -- fields in a notebook ------------------------------------------------------------------------


def parts(form):
    """The parts of a form of a vector: its label, fields and echo, button and verdict, answer."""
    label, shown, *rest = form.children
    return label, shown.children, *rest


def test_the_notebook_has_the_same_fields(keys):
    from ipywidgets import HTML, Button

    from byhand.evidence import answers

    shown = answers("A1")
    assert len(shown.children) == len(asking.of_problem("A1"))
    label, (line, echo), below, ask, answer = parts(shown.children[3])
    assert "w^3" in label.value
    fields, (button, said) = line.children[0].children, below.children
    assert isinstance(button, Button)
    assert isinstance(said, HTML)
    for texts in (["2.6", "1.04"], ["2.6", "1.05"], ["-23/5", "342/25"], ["", "1"]):
        for field, text in zip(fields, texts, strict=True):
            field.value = text
        button.click()
        found = judging.judge(keys["A1.w3"], texts)
        assert found.words in said.value
        assert ("✓" in said.value) == (found.verdict in ("right", "rounded"))
        assert (ask.layout.display == "none") == (found.verdict == "right")
    assert echo.value == ""
    fields[0].value = "sqrt(2)/2"
    assert echo.value == r"$\displaystyle \left(\frac{\sqrt{2}}{2},\; 1\right)$"
    assert answer.value == ""
    ask.click()
    assert answer.value == r"$\displaystyle \left(\frac{13}{5},\; \frac{26}{25}\right)$"


@pytest.mark.parametrize("problem", ["D1", "B2.1", "E3.1", "B3.1", "C-compare"])
def test_each_form_of_a_notebook_has_as_many_fields_as_the_page(problem, keys):
    from byhand.evidence import fields

    for one in asking.of_problem(problem):
        found, _ = fields._fields(one)
        assert len(found) == int(np.prod(keys[one.claim]["shape"], dtype=int))


def test_what_is_no_problem_has_no_fields():
    from byhand.evidence import answers

    with pytest.raises(ValueError, match="there is no problem 'A9'"):
        answers("A9")
