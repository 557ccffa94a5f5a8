// Renders formulas, each a line of JSON: in {latex, options, asKatex}, out {html} or {error}.
import { createInterface } from "node:readline";
import katex from "katex";
import { lighten } from "./lighten.mjs";

function render({ latex, options, asKatex }) {
  try {
    const html = katex.renderToString(latex, options);
    return { html: asKatex ? html : lighten(html) };
  } catch (error) {
    return { error: error.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(render(JSON.parse(line))) + "\n");
}
