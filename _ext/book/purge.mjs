// Drops the styles that no page can use. In: {css, pages, scripts} as JSON; out: the styles.
import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

// What the script in the head of each page sets.
const BEFORE_PAINT = ["html", "data-theme", "data-mode", "light", "dark", "auto"];

// Tags, and the names and values of attributes: nothing else in a page can match a selector.
function namesIn(html) {
  const names = new Set(BEFORE_PAINT);
  for (const [, tag] of html.matchAll(/<([a-z][a-z0-9-]*)/g)) names.add(tag);
  for (const [, name, value] of html.matchAll(/\s([a-z-]+)="([^"]*)"/g)) {
    names.add(name);
    for (const word of name === "class" ? value.split(/\s+/) : [value]) names.add(word);
  }
  return [...names];
}

// A script may set a class by any word of its strings.
function wordsIn(script) {
  return (script.match(/"[^"]*"|'[^']*'|`[^`]*`/g) ?? []).flatMap((text) => text.match(/[\w-]+/g) ?? []);
}

const { css, pages, scripts } = JSON.parse(readFileSync(0, "utf8"));
const [result] = await new PurgeCSS().purge({
  css: [{ raw: css }],
  content: [
    ...pages.map((raw) => ({ raw, extension: "html" })),
    ...scripts.map((raw) => ({ raw, extension: "js" })),
  ],
  extractors: [
    { extensions: ["html"], extractor: namesIn },
    { extensions: ["js"], extractor: wordsIn },
  ],
  fontFace: true,
  keyframes: true,
  variables: true,
});
process.stdout.write(result.css);
