// What the pages of the book do: figures that are controlled, menus, blocks that scroll.
"use strict";

// -- figures: each move of a slider, each choice of a button shows the frame that was drawn for it

function controlsOf(figure) {
  return [...figure.querySelectorAll("input[type=range], [role=radiogroup]")];
}

function positionOf(control) {
  return Number((control.querySelector(":checked") ?? control).value);
}

function frameIndex(figure, values) {
  const positions = controlsOf(figure).map(positionOf);
  return positions.reduce((index, position, i) => index * values[i].length + position, 0);
}

function showFrame(figure, data) {
  const [file, alt] = data.frames[frameIndex(figure, data.values)];
  const image = figure.querySelector("img");
  image.src = `${data.folder}/${file}`;
  image.alt = alt;
  figure.querySelector("[role=status]").textContent = alt;
  waitFor(image, figure);
}

// The last picture stays until the next is there, and is marked as the last one on a slow line.
function waitFor(image, figure) {
  const { src } = image;
  const mark = setTimeout(() => figure.setAttribute("aria-busy", "true"), 150);
  const there = () => {
    clearTimeout(mark);
    if (image.src === src) figure.removeAttribute("aria-busy");
  };
  image.decode().then(there, there);
}

// A frame that is one step away is fetched before it is asked for; from a button to any other it is.
function fetchNeighbours(figure, data) {
  controlsOf(figure).forEach((control, i) => {
    const stride = data.values.slice(i + 1).reduce((n, values) => n * values.length, 1);
    const here = positionOf(control);
    const reach = control.matches("input") ? 1 : data.values[i].length;
    data.values[i].forEach((_, position) => {
      if (position === here || Math.abs(position - here) > reach) return;
      const [file] = data.frames[frameIndex(figure, data.values) + (position - here) * stride];
      new Image().src = `${data.folder}/${file}`;
    });
  });
}

function sayValue(figure, slider, value) {
  figure.querySelector(`output[for="${slider.id}"]`).textContent = value;
  slider.setAttribute("aria-valuetext", value);
}

// The address has the values of the figures that were moved, and leads to the last of them.
function noteInAddress(figure, data) {
  const address = new URL(location);
  controlsOf(figure).forEach((control, i) => {
    address.searchParams.set(data.names[i], data.values[i][positionOf(control)]);
  });
  address.hash = figure.id;
  try {
    history.replaceState(history.state, "", address);
  } catch {
    // a sandbox may forbid it
  }
}

function showAsAddressed(figure, data) {
  const asked = new URLSearchParams(location.search);
  const controls = controlsOf(figure);
  const positions = data.names.map((name, i) => data.values[i].indexOf(asked.get(name)));
  if (positions.every((position) => position < 0)) return;
  positions.forEach((position, i) => {
    if (position < 0) return;
    if (!controls[i].matches("input")) {
      controls[i].querySelectorAll("input")[position].checked = true;
      return;
    }
    controls[i].value = position;
    sayValue(figure, controls[i], data.values[i][position]);
  });
  showFrame(figure, data);
}

function animateFigure(figure) {
  const script = figure.querySelector("script[type='application/json']");
  if (!script) return;
  const data = JSON.parse(script.textContent);
  controlsOf(figure).forEach((control, i) => {
    control.addEventListener("input", () => {
      const isSlider = control.matches("input");
      if (isSlider) sayValue(figure, control, data.values[i][positionOf(control)]);
      showFrame(figure, data);
      fetchNeighbours(figure, data);
    });
    control.addEventListener("change", () => noteInAddress(figure, data));
    for (const event of ["focusin", "pointerenter"]) {
      control.addEventListener(event, () => fetchNeighbours(figure, data), { once: true });
    }
  });
  showAsAddressed(figure, data);
}

document.querySelectorAll(".book-figure").forEach(animateFigure);

// -- menus: one closes when another opens, at a click elsewhere and at Escape

function closeMenus(except) {
  document.querySelectorAll(".menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

document.addEventListener("click", (event) => closeMenus(event.target.closest(".menu")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// -- the ledger: its rows by chapter, problem, evidence, verdict and words

// The problem of a claim: of those whose name its id starts with, the longest.
function problemOf(id, problems) {
  const fits = problems.filter((name) => id === name || id.startsWith(`${name}.`));
  return fits.sort((a, b) => b.length - a.length)[0];
}

function ledgerRows(form) {
  const problems = [...form.elements.problem.options].map((option) => option.value).filter(Boolean);
  return [...document.querySelectorAll("table.claims-ledger tbody tr")].map((row) => {
    const [id, , evidence] = [...row.cells].map((cell) => cell.textContent.trim());
    const verdict = row.cells[row.cells.length - 1].textContent.trim().split(" ").pop();
    const chapter = row.closest("section").id;
    const text = row.textContent.toLowerCase();
    return { row, chapter, evidence, verdict, problem: problemOf(id, problems), text };
  });
}

function filterLedger(form, rows) {
  const asked = Object.fromEntries(new FormData(form));
  let shown = 0;
  for (const one of rows) {
    const fits = ["chapter", "problem", "evidence", "verdict"].every(
      (name) => !asked[name] || asked[name] === one[name],
    );
    one.row.hidden = !(fits && one.text.includes(asked.text.trim().toLowerCase()));
    shown += !one.row.hidden;
  }
  document.querySelectorAll("section:has(> * table.claims-ledger)").forEach((section) => {
    section.hidden = !section.querySelector("tbody tr:not([hidden])");
  });
  form.querySelector("output").textContent = `${shown} of ${rows.length} claims`;
}

const ledgerForm = document.querySelector("form.ledger-filter");
if (ledgerForm) {
  const rows = ledgerRows(ledgerForm);
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (ledgerForm.elements[name]) ledgerForm.elements[name].value = value;
  }
  ledgerForm.addEventListener("submit", (event) => event.preventDefault());
  ledgerForm.addEventListener("input", () => filterLedger(ledgerForm, rows));
  ledgerForm.addEventListener("reset", () => setTimeout(() => filterLedger(ledgerForm, rows)));
  filterLedger(ledgerForm, rows);
  // A link to a row is followed before the rows are filtered.
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

// -- the contents of the page show where the reader is

// Of a section that is not laid out only its own box is known: what is within it is asked for only
// where the reader is.
function sectionAtTop(sections, line) {
  let passed = null;
  for (const section of sections) {
    const { top, width } = section.getBoundingClientRect();
    if (top > line) break;
    if (width) passed = section; // one in a folded solution is nowhere
  }
  return passed;
}

function scrollToMiddle(link) {
  const list = link.closest(".bd-sidebar-secondary");
  if (list.querySelector(":focus-visible")) return; // the reader is in the list
  const [box, seen] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
  if (box.top < seen.top + box.height || box.bottom > seen.bottom - box.height) {
    list.scrollTop += (box.top + box.bottom - seen.top - seen.bottom) / 2;
  }
}

function followReader(contents) {
  const links = new Map();
  for (const link of contents.querySelectorAll("a")) {
    links.set(document.getElementById(decodeURIComponent(link.hash.slice(1))), link);
  }
  const isOuter = (section) => section.parentElement.closest("section") === section.closest("article > section");
  const outer = [...links.keys()].filter(isOuter);
  const inner = (section) => [...links.keys()].filter((one) => one !== section && section.contains(one));
  let current = null;
  const follow = () => {
    // Where a link to a section puts its top, and a little more.
    const line = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) + 24 || 96;
    const section = sectionAtTop(outer, line);
    const link = section && links.get(sectionAtTop(inner(section), line) ?? section);
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "true");
    current = link;
    if (link) scrollToMiddle(link);
  };
  let isAsked = false;
  const ask = () => {
    if (!isAsked) requestAnimationFrame(() => { isAsked = false; follow(); });
    isAsked = true;
  };
  addEventListener("scroll", ask, { passive: true });
  addEventListener("resize", ask);
  // On a phone the list is opened where the reader is.
  document.querySelector(".secondary-toggle")?.addEventListener("click", () => setTimeout(() => current && scrollToMiddle(current)));
  ask();
}

const pageContents = document.querySelector("#pst-page-toc-nav");
if (pageContents) followReader(pageContents);

// -- scripts that are fetched when a reader comes near what needs them

const scripts = new Map();

function fetchScript(src) {
  if (!scripts.has(src)) {
    scripts.set(src, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const onerror = (error) => {
        scripts.delete(src); // the next try may succeed
        reject(error);
      };
      Object.assign(script, { src, onload: resolve, onerror });
      document.head.append(script);
    }));
  }
  return scripts.get(src);
}

// -- claims: what they open to

const places = [...document.querySelectorAll(".claim-place")];

function fillOpenings() {
  if (!places.length) return Promise.resolve();
  const fill = (place, i) => { place.outerHTML = globalThis.byhandOpenings[i]; };
  const say = (place) => { place.textContent = "What is here could not be fetched."; };
  return fetchScript(places[0].dataset.from).then(() => places.splice(0).forEach(fill), () => places.forEach(say));
}

for (const event of ["pointerover", "focusin", "toggle"]) {
  const near = ({ target }) => target.closest?.("details.claim") && fillOpenings();
  document.addEventListener(event, near, { capture: true, passive: true });
}
globalThis.byhandFillOpenings = fillOpenings;

// -- answers: their fields, and what judges them

function prepareAnswers(block) {
  const { judge, key } = block.dataset;
  const forms = formsOf(block);
  const start = (form) => globalThis.byhandAnswers.start(form, globalThis.byhandKeys[form.dataset.claim]);
  return Promise.all([fetchScript(judge), fetchScript(key)]).then(
    () => new Map(forms.map((form) => [form, start(form)])),
  );
}

// What was answered stays in this browser: claim → {texts, verdict, words, problem, all, page}.
const KEPT = "byhand-answers";
const keptAnswers = () => JSON.parse(localStorage.getItem(KEPT) ?? "{}");
const isRight = ({ verdict }) => verdict === "right" || verdict === "rounded";
const fieldsOf = (form) => [...form.querySelectorAll("input, select")];
const formsOf = (block) => [...(block.querySelector("template")?.content ?? block).querySelectorAll("form.answer")];

function keepAnswer(block, form, found) {
  const texts = fieldsOf(form).map((field) => (field.type === "checkbox" ? field.checked : field.value));
  const page = location.pathname.split("/").pop();
  const all = formsOf(block).length;
  const answer = { ...found, texts, problem: block.dataset.problem, all, page };
  localStorage.setItem(KEPT, JSON.stringify({ ...keptAnswers(), [form.dataset.claim]: answer }));
}

function showKeptAnswers(block, kept) {
  for (const form of formsOf(block)) {
    const answer = kept[form.dataset.claim];
    const fields = fieldsOf(form);
    if (answer?.texts.length !== fields.length) continue;
    fields.forEach((field, i) => {
      if (field.type === "checkbox") field.checked = answer.texts[i];
      else field.value = answer.texts[i];
    });
    const status = form.querySelector("[role=status]");
    status.setAttribute("data-verdict", answer.verdict);
    status.textContent = answer.words;
  }
  openWhereRight(block, kept);
}

function openSolution(block, isOpen = true) {
  block.toggleAttribute("data-open", isOpen);
  const button = block.querySelector(".answers-open");
  button.textContent = isOpen ? "Hide the solution" : "Show the solution";
}

function openWhereRight(block, kept) {
  const right = formsOf(block).every((form) => isRight(kept[form.dataset.claim] ?? {}));
  if (right) openSolution(block);
}

function startAnswers(block) {
  let prepared;
  const failed = () => {
    prepared = null;
    return new Map();
  };
  const prepare = () => (prepared ??= prepareAnswers(block).catch(failed));
  for (const event of ["focusin", "pointerenter"]) block.addEventListener(event, prepare, { once: true });
  // Enter clicks the button too; a frame may let no form be submitted.
  block.addEventListener("click", async (event) => {
    const form = event.target.closest("[type=submit]")?.form;
    if (!form) return;
    event.preventDefault();
    const found = (await prepare()).get(form)?.();
    if (!found) return;
    keepAnswer(block, form, found);
    openWhereRight(block, keptAnswers());
    showProgress();
  });
  block.querySelector(".answers-open").addEventListener("click", () => {
    openSolution(block, !block.hasAttribute("data-open"));
  });
}

const answerBlocks = [...document.querySelectorAll(".answers")];
answerBlocks.forEach(startAnswers);
answerBlocks.forEach((block) => showKeptAnswers(block, keptAnswers()));

// The fields come out of their templates where a reader comes near, and everywhere when the page has
// long been there, one problem after the other.
function placeForms(block) {
  const template = block.querySelector("template");
  template?.replaceWith(template.content);
}

const nearAnswers = new IntersectionObserver(
  (entries) => entries.forEach(({ isIntersecting, target }) => isIntersecting && placeForms(target)),
  { rootMargin: "100%" },
);
answerBlocks.forEach((block) => nearAnswers.observe(block));
addEventListener("beforeprint", () => answerBlocks.forEach(placeForms));
addEventListener("load", () => answerBlocks.forEach((block, i) => setTimeout(placeForms, 3000 + 60 * i, block)));

// A link into a solution opens it.
function openWhereAsked() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const block = target && answerBlocks.find((one) => {
    const parts = [...one.parentElement.children];
    return parts.slice(parts.indexOf(one) + 1).some((part) => part.contains(target));
  });
  if (!block) return;
  openSolution(block);
  target.scrollIntoView();
}
addEventListener("hashchange", openWhereAsked);
openWhereAsked();

// -- progress: on the list of problems, and beside the chapters

// Problem → how many of its answers are right, of how many, and its page.
function progress() {
  const found = new Map();
  for (const answer of Object.values(keptAnswers())) {
    const { right = 0 } = found.get(answer.problem) ?? {};
    found.set(answer.problem, { right: right + isRight(answer), all: answer.all, page: answer.page });
  }
  return found;
}

function note(link, text) {
  link.parentElement.querySelector(":scope > .answers-progress")?.remove();
  if (!text) return;
  const mark = document.createElement("span");
  mark.className = "answers-progress";
  mark.textContent = text;
  link.after(mark);
}

function showProgress() {
  const found = progress();
  document.querySelectorAll("table.problems td:first-child a").forEach((link) => {
    const { right, all } = found.get(link.textContent) ?? {};
    note(link, right ? `${right} of ${all} right` : "");
  });
  document.querySelectorAll(".bd-sidebar-primary .bd-links a").forEach((link) => {
    const page = new URL(link.href).pathname.split("/").pop();
    const solved = [...found.values()].filter((one) => one.page === page && one.right === one.all);
    note(link, solved.length ? `${solved.length} solved` : "");
  });
}

showProgress();

// -- try first: every solution is folded

const trySwitch = document.querySelector("[role=switch].try-first");
const isTrying = () => document.documentElement.getAttribute("data-try") === "on";

function tryFirst(isOn) {
  document.documentElement.toggleAttribute("data-try", isOn);
  if (isOn) document.documentElement.setAttribute("data-try", "on");
  trySwitch?.setAttribute("aria-checked", isOn);
}

if (trySwitch) {
  tryFirst(isTrying());
  trySwitch.addEventListener("click", () => {
    tryFirst(!isTrying());
    localStorage.setItem("byhand-try", isTrying() ? "on" : "off");
  });
  document.querySelector(".answers-forget").addEventListener("click", () => {
    localStorage.removeItem(KEPT);
    answerBlocks.forEach((block) => {
      placeForms(block); // a browser resets no form in a template
      openSolution(block, false);
      formsOf(block).forEach((form) => {
        form.reset();
        form.querySelectorAll(".answer-echo, .answer-value, [role=status]").forEach((one) => one.replaceChildren());
        form.querySelector("[role=status]").removeAttribute("data-verdict");
      });
    });
    showProgress();
  });
}

// -- what has the focus is seen

// Sections far away are laid out when they come near: until then their heights are estimates, and a
// link that the focus jumps to may end up off the screen. What stands beside them stays where it is.
addEventListener("focusin", ({ target }) => {
  if (!target.closest("article, footer")) return;
  requestAnimationFrame(() => target.scrollIntoView({ block: "nearest" }));
});

// -- a formula is copied as its LaTeX

function inLatex({ dataset, parentElement }) {
  const mark = parentElement.matches(".katex-display") ? "$$" : "$";
  return mark + dataset.latex.trim() + mark;
}

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed) return;
  const range = selection.getRangeAt(0).cloneRange();
  const formulaAt = (node) => (node.closest ? node : node.parentElement)?.closest("[data-latex]");
  const [first, last] = [formulaAt(range.startContainer), formulaAt(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const copied = document.createElement("div");
  copied.append(range.cloneContents());
  const formulas = copied.querySelectorAll("[data-latex]");
  if (!formulas.length) return;
  formulas.forEach((formula) => formula.replaceWith(inLatex(formula)));
  document.body.append(copied); // what is not on the page has no lines
  event.clipboardData.setData("text/plain", copied.innerText);
  event.clipboardData.setData("text/html", copied.innerHTML);
  copied.remove();
  event.preventDefault();
});

// -- paper is light

document.querySelectorAll("[data-does='window.print()']").forEach((button) => {
  button.addEventListener("click", () => print());
});

const root = document.documentElement.dataset;
let themeOnScreen;
addEventListener("beforeprint", () => {
  themeOnScreen = root.theme;
  root.theme = "light";
});
addEventListener("afterprint", () => {
  root.theme = themeOnScreen;
});

// -- what scrolls sideways can be reached by keyboard, and fades where there is more; how wide it is
// is known only once it is laid out

function markEdges(block) {
  const beyond = block.scrollWidth - block.clientWidth - block.scrollLeft;
  block.toggleAttribute("data-more-before", block.scrollLeft > 1);
  block.toggleAttribute("data-more-after", beyond > 1);
}

const FOCUSABLE =
  "pre, .pst-scrollable-table-container, .cell_output > .output, .katex-display, .claim-open > div";
const SCROLLING = `${FOCUSABLE}, .katex-display .katex-html, .answer-grid, .answer-echo, .answer-value`;

const watchWidths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.matches(FOCUSABLE)) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
    markEdges(target);
  }
});
document.querySelectorAll(SCROLLING).forEach((block) => watchWidths.observe(block));

const markScrolled = ({ target }) => target.matches?.(SCROLLING) && markEdges(target);
document.addEventListener("scroll", markScrolled, { capture: true, passive: true });

// Fields come out of their templates, and claims are filled; what was understood of a field changes
// while its box does not.
const watchAdded = new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes) {
    if (target.matches(SCROLLING)) markEdges(target);
    for (const node of addedNodes) {
      if (node.matches?.(SCROLLING)) watchWidths.observe(node);
      node.querySelectorAll?.(SCROLLING).forEach((block) => watchWidths.observe(block));
    }
  }
});
document.querySelectorAll(".answers, details.claim").forEach((block) => {
  watchAdded.observe(block, { childList: true, subtree: true });
});

// -- search

// A frame may let no form be submitted, but it may go to another page.
document.addEventListener("keydown", (event) => {
  const form = event.key === "Enter" && !event.isComposing && event.target.closest("form.bd-search");
  if (!form) return;
  event.preventDefault();
  location.assign(`${form.action}?${new URLSearchParams(new FormData(form))}`);
});

// The page of the search begins in its field.
addEventListener("DOMContentLoaded", () => {
  const field = document.querySelector(".bd-search-container input");
  field?.focus();
  field?.select();
});

// A page of a file system or in a sandbox may not read another, so results come without excerpts.
if (origin === "null") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
