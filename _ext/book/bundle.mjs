// Bundles a script with what it imports. In: its path; out: one script that needs no other.
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: [readFileSync(0, "utf8").trim()],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2022",
  legalComments: "none",
});
process.stdout.write(outputFiles[0].text);
