// Renders formulas, each a line of JSON: in {latex, options}, out {html} or {error}.
import { createInterface } from "node:readline";
import katex from "katex";

function render({ latex, options }) {
  try {
    return { html: katex.renderToString(latex, options) };
  } catch (error) {
    return { error: error.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(render(JSON.parse(line))) + "\n");
}
