// What the search finds within pages: sections and claims, by words, numbers, symbols and ids.
"use strict";

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// A word is found by its beginning, a number or a symbol as it stands.
function pattern(term) {
  const isWord = /^\p{L}{3,}$/u.test(term);
  return new RegExp(`(?:^| )\\\\?${escaped(term)}${isWord ? "[^ :]*" : ""}(?::(\\d+))?(?= |$)`, "gu");
}

function weigh(entry, terms) {
  const [page, id, title, words] = entry;
  const isRow = id.startsWith("ledger-");
  const name = title.toLowerCase();
  if (isRow && name === terms.join(" ")) return 1e6;
  let weight = 0;
  for (const term of terms) {
    const counts = [...words.matchAll(pattern(term))].map(([, n]) => Number(n ?? 1));
    const inTitle = name.split(/[\s,:·]+/).includes(term) || (term.length > 3 && name.includes(term));
    if (!counts.length && !inTitle) return 0;
    weight += inTitle && !isRow ? 100 : 0;
    weight += counts.reduce((sum, n) => sum + n, 0);
  }
  return isRow || page.startsWith("reference/api") ? weight / 3 : weight;
}

const MOST = 20;

function sectionsFor(query) {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!terms.length) return [];
  return globalThis.byhandSections
    .map((entry) => [weigh(entry, terms), entry])
    .filter(([weight]) => weight > 0)
    .sort(([one], [other]) => other - one)
    .slice(0, MOST)
    .map(([weight, [page, id, title]]) => {
      const of = Search._index.titles[Search._index.docnames.indexOf(page)];
      return [page, `${of} > ${title}`, `#${encodeURIComponent(id)}`, null, weight, page];
    });
}

// The last result is shown first.
const searchPages = Search._performSearch;
Search._performSearch = (query, ...rest) => {
  const within = sectionsFor(query);
  const same = new Set(within.map(([page, , anchor]) => page + anchor));
  const pages = searchPages(query, ...rest).filter(([page, , anchor]) => !same.has(page + anchor));
  return [...pages, ...within.reverse()];
};

// An excerpt is from the part that was found, and says a formula once.
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  page.querySelectorAll(".headerlink, script, style, math, pre").forEach((one) => one.remove());
  const part = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
  return (part || page.querySelector("main")).textContent;
};
