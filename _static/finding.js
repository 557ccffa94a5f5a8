// What the search finds within pages: sections, theorems, formulas and claims, by words, numbers,
// symbols and ids. _ext/book/finding.py lists them, and cuts text into words in the same way.
"use strict";

const { pages, common, words } = globalThis.byhandFound;
const symbols = new Map(Object.entries(globalThis.byhandFound.symbols));
const TOKEN = /[a-z0-9\u00df-\u024f]+(?:[./][a-z0-9]+)*|(?![\x00-\x7f−×])[\p{L}\p{Sm}]/gu;
const WORD = /^[a-z\u00df-\u024f]{3,}$/;
const NUMBER = /^\d+[./]\d+$|^\d{3,}$/;
const SYMBOL = /^[^\x00-\x7f]$/u;
const MOST = 20;
const stemmer = new Stemmer();
const PLACES = new Map(words.split("\n").map((line) => line.split(" ")));
const PARTS = pages.flatMap(([page, parts]) => parts.map(([id, title]) => partOf(page, id, title)));

function partOf(page, id, title) {
  return { page, id, title, kind: kindOf(page, id, title), terms: termsOf(title) };
}

function kindOf(page, id, title) {
  if (id.startsWith("ledger-")) return "claim";
  if (id.startsWith("equation-")) return "formula";
  if (page === "reference/notation") return "notation";
  if (/^reference\/(api|problems|references|speed|teeth)/.test(page)) return "list";
  if (/^(summary|references)$/.test(id)) return "list";
  return title.includes(" · ") ? "problem" : "section";
}

function termsOf(text) {
  // w^3 is found as it is read, as w3.
  const plain = text.normalize("NFKC").toLowerCase().replaceAll("⁄", "/");
  const found = plain.replace(/['’]s\b|[_^]\{?/g, "").match(TOKEN) ?? [];
  return found.map((word) => (WORD.test(word) ? stemmer.stemWord(word) : word));
}

// Of each part that has a word how much it has to say of it. A word is found by its beginning too.
function* placesOf(term) {
  const names = [term, symbols.get(term)];
  for (const [word, places] of PLACES) {
    if (!names.includes(word) && !(WORD.test(term) && word.startsWith(term))) continue;
    let part = -1;
    for (const [, before, last, often] of places.matchAll(/([A-Z]*)([a-z])(\d?)/g)) {
      const digits = [...before.toLowerCase(), last].map((digit) => digit.charCodeAt(0) - 97);
      part += digits.reduce((number, digit) => 26 * number + digit);
      yield [part, 1 + 2 * Number(often)];
    }
  }
}

function worth(kind, term, isAlone) {
  if (kind === "claim") return NUMBER.test(term) ? 4 : 0.3;
  if (kind === "formula") return 0.1;
  if (kind === "notation") return isAlone && SYMBOL.test(symbols.get(term) ?? term) ? 10 : 0.5;
  return { list: 0.3, problem: 1.3, section: 1 }[kind];
}

function isIn(title, term) {
  return title.some((word) => word === term || (WORD.test(term) && word.startsWith(term)));
}

// Of each part that has a term how well it answers; who has it in the title has most to say.
function answersTo(term, isAlone) {
  const answers = new Map();
  for (const [part, says] of placesOf(term)) {
    answers.set(part, Math.max(says, answers.get(part) ?? 0));
  }
  PARTS.forEach(({ kind, terms }, part) => {
    if (kind !== "claim" && isIn(terms, term)) answers.set(part, 8 + (answers.get(part) ?? 0));
  });
  const rare = Math.log(1 + PARTS.length / answers.size);
  const weigh = ([part, says]) => [part, says * rare * worth(PARTS[part].kind, term, isAlone)];
  return new Map([...answers].map(weigh));
}

function sectionsFor(query) {
  const whole = query.trim().toLowerCase();
  const typed = termsOf(query);
  const terms = typed.filter((term) => !common.includes(term));
  if (!terms.length) return [];
  const answers = terms.map((term) => answersTo(term, terms.length === 1));
  const found = PARTS.map(({ kind, title, terms: own }, part) => {
    const name = title.toLowerCase();
    const weights = answers.map((weight) => weight.get(part) ?? 0);
    const weight = weights.includes(0) ? 0 : weights.reduce((sum, one) => sum + one, 0);
    if (kind === "claim" || kind === "formula") {
      if (name === whole) return [Infinity, part];
      return [name.startsWith(whole) ? weight + 3 : weight, part];
    }
    // A title of several words, typed as it stands, is meant.
    return [own.length > 1 && own.join(" ") === typed.join(" ") ? 3 * weight : weight, part];
  });
  return found
    .filter(([weight]) => weight > 0)
    .sort(([one], [other]) => other - one)
    .slice(0, MOST)
    .map(([weight, part]) => {
      const { page, id, title } = PARTS[part];
      const of = Search._index.titles[Search._index.docnames.indexOf(page)];
      const shown = of === title ? asHtml(title) : `${asHtml(title)} <small>${of}</small>`;
      return [page, shown, `#${encodeURIComponent(id)}`, null, weight, page];
    });
}

function asHtml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

// The last result is shown first.
const searchPages = Search._performSearch;
Search._performSearch = (query, ...rest) => {
  const within = sectionsFor(query);
  const same = new Set(within.map(([page, , anchor]) => page + anchor));
  const pages = searchPages(query, ...rest).filter(([page, , anchor]) => !same.has(page + anchor));
  return [...pages, ...within.reverse()];
};

Object.assign(Documentation.TRANSLATIONS, {
  "Search finished, found ${resultCount} page(s) matching the search query.":
    "Places found: ${resultCount}",
  "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
    "No place has all of these words. Fewer of them find more.",
});

// An excerpt is from the part that was found, and says a formula once.
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  page.querySelectorAll(".headerlink, script, style, math, pre").forEach((one) => one.remove());
  const part = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
  return (part || page.querySelector("main")).textContent;
};
