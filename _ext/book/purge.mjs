// Drops the styles that no page can use. In: {css, names, scripts} as JSON; out: the styles.
import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

// What the script in the head of each page sets.
const BEFORE_PAINT = ["html", "data-theme", "data-mode", "light", "dark", "auto"];

// A script may set a class by any word of its strings.
function wordsIn(script) {
  return (script.match(/"[^"]*"|'[^']*'|`[^`]*`/g) ?? []).flatMap((text) => text.match(/[\w-]+/g) ?? []);
}

const { css, names, scripts } = JSON.parse(readFileSync(0, "utf8"));
const [result] = await new PurgeCSS().purge({
  css: [{ raw: css }],
  content: [
    { raw: JSON.stringify([...BEFORE_PAINT, ...names]), extension: "json" },
    ...scripts.map((raw) => ({ raw, extension: "js" })),
  ],
  extractors: [
    { extensions: ["json"], extractor: JSON.parse },
    { extensions: ["js"], extractor: wordsIn },
  ],
  fontFace: true,
  keyframes: true,
  variables: true,
});
process.stdout.write(result.css);
