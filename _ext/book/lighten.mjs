// Makes the HTML of a formula a third as long, and leaves the look of it as it is.
//
// KaTeX places what stands above or below a line in a table of its own, with struts and empty cells
// that are elements. The same boxes come of one element for each thing that is placed, and of
// generated content (formulas.css). What a class or an element says that no style looks at goes; so
// do the MathML and its wrappers of what is read as it stands, as x = 2. The LaTeX, which
// KaTeX keeps in an annotation, becomes an attribute.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const STYLES = readFileSync(createRequire(import.meta.url).resolve("katex/dist/katex.min.css"), "utf8");
const STYLED = new Set([...STYLES.matchAll(/\.([a-z][\w-]*)/gi)].map((match) => match[1]));
// Their children are found by their place, or are laid out by it.
const PLACED = ["inner", "vbox", "hbox", "thinbox", "llap", "rlap", "clap", "delim-size1", "delim-size4"];
const ALIGNED = ["msupsub", "mfrac", "op-limits", "accent", "sqrt", "overline", "underline"];
const COLUMNS = ["col-align-l", "col-align-c", "col-align-r"];
const TYPE = /^(math(?!ml)|text|amsrm|mainrm|boldsymbol|sizing|(reset-)?size\d)/;
const SIZES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.44, 1.728, 2.074, 2.488];

const NULL_DELIMITER = 0.12; // its width

// -- reading and writing: KaTeX's own HTML, whose text stays as it is written

function parse(html) {
  const root = { children: [] };
  const open = [root];
  for (const [, end, name, attributes, empty, text] of html.matchAll(/<(\/?)([a-z]+)([^>]*?)(\/?)>|([^<]+)/gi)) {
    const parent = open[open.length - 1];
    if (text !== undefined) parent.children.push(text);
    else if (end) open.pop();
    else {
      const node = element(name, attributes);
      parent.children.push(node);
      if (!empty) open.push(node);
    }
  }
  return root.children[0];
}

function element(name, written) {
  const attributes = Object.fromEntries([...written.matchAll(/([\w:-]+)="([^"]*)"/g)].map((m) => m.slice(1)));
  const { class: classes = "", style = "", xmlns, ...others } = attributes; // HTML knows the names
  const declarations = style.split(";").filter(Boolean).map((one) => one.split(":"));
  return {
    name,
    classes: classes.split(/\s+/).filter(Boolean),
    style: Object.fromEntries(declarations),
    attributes: others,
    children: [],
  };
}

function write(node) {
  if (typeof node === "string") return node;
  if (has(node, "mathnormal")) {
    node.name = "i";
    node.classes = node.classes.filter((name) => name !== "mathnormal");
  }
  const style = Object.entries(node.style).map(([name, value]) => `${name}:${value};`).join("");
  const attributes = { ...(node.classes.length && { class: node.classes.join(" ") }), ...(style && { style }), ...node.attributes };
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`).join("");
  return `<${node.name}${written}>${node.children.map(write).join("")}</${node.name}>`;
}

const has = (node, name) => typeof node !== "string" && node.classes.includes(name);
const isBare = (node) => node.name === "span" && ![node.classes, Object.keys(node.style), Object.keys(node.attributes)].some((all) => all.length);
const textOf = (node) => (typeof node === "string" ? node : node.children.map(textOf).join(""));
const ems = (length) => Number(length.replace("em", ""));
const inEms = (number) => `${Number(number.toFixed(6))}em`;

// -- what is seen

// Children come first: a table may be the only thing in what is above or below another.
function lightenInk(node) {
  if (typeof node === "string") return node;
  if (has(node, "vlist")) node.children.forEach((part) => (part.isPlaced = true));
  node.children = node.children.map(lightenInk);
  node.classes = node.classes.filter((name) => STYLED.has(name) || /^(reset-)?size\d/.test(name));
  if (has(node, "delimcenter") && node.style.top === "0em") {
    node.classes = node.classes.filter((name) => name !== "delimcenter");
    delete node.style.top;
  }
  if (has(node, "vlist-t")) stack(node);
  if (has(node, "base")) takeStrut(node);
  if (node.name === "span" && !PLACED.some((name) => has(node, name))) {
    if (!node.isPlaced) unwrap(node, (child) => child.children.some((inner) => inner.name));
    moveSpaces(node);
    if (!node.isPlaced) unwrap(node, () => true);
    dropDelimiters(node);
  }
  return negation(alignedStack(node));
}

const isWrapper = (node) => typeof node !== "string" && isBare(node) && !node.isPlaced;

function unwrap(node, isTaken) {
  node.children = node.children.flatMap((child) => (isWrapper(child) && isTaken(child) ? child.children : [child]));
}

// A line's height: of a strut that is generated.
function takeStrut(base) {
  const [strut, ...others] = base.children;
  if (!has(strut, "strut")) return;
  const depth = strut.style["vertical-align"];
  base.style = { "--strut": strut.style.height, ...(depth && { "--depth": depth }), ...base.style };
  base.children = others;
}

// What is stacked: parts on one line, each moved from it by its top, which KaTeX gives from a strut's.
function stack(table) {
  const parts = table.children[0].children[0].children;
  const struts = new Set(parts.map((part) => has(part.children[0], "pstrut") && part.children[0].style.height));
  if (struts.size !== 1 || struts.has(false)) {
    table.classes.push("kept");
    return;
  }
  const [strut] = struts;
  parts.forEach((part) => placePart(part, strut));
  if (parts.length === 1) {
    const [part] = parts;
    table.classes = ["script", ...part.classes];
    table.style = part.style;
    table.children = part.children;
  } else {
    table.classes = ["stack"];
    table.children = parts;
  }
}

function placePart(part, strut) {
  const content = part.children.slice(1);
  const [only] = content;
  part.style.top = inEms(ems(part.style.top) + ems(strut));
  for (const [name, value] of Object.entries(part.style)) if (ems(value) === 0) delete part.style[name];
  if (content.length !== 1) part.children = content.map(asBox);
  else if (isWrapper(only)) part.children = only.children;
  else if (has(only, "frac-line")) {
    part.classes.push("frac-line");
    part.style["--rule"] = only.style["border-bottom-width"];
    part.children = [];
  } else if (isType(only)) {
    const scale = scaleOf(only);
    for (const [name, value] of Object.entries(part.style)) part.style[name] = inEms(ems(value) / scale);
    takeType(part, only);
    const [inner] = part.children;
    if (part.children.length === 1 && isType(inner) && scaleOf(inner) === 1) takeType(part, inner);
  } else if (isPadded(only) || (has(only, "hide-tail") && !("top" in only.style))) {
    part.classes.push(...only.classes);
    Object.assign(part.style, only.style);
    part.children = only.children;
  } else part.children = [asBox(only)];
}

const isPadded = (node) => node.name === "span" && !node.classes.length && !Object.keys(node.attributes).length && Object.keys(node.style).join() === "padding-left";

function asBox(node) {
  if (!has(node, "stack") && !has(node, "script") && typeof node !== "string") node.classes.push("part");
  return node;
}

function takeType(part, only) {
  if (has(only, "sizing")) part.style["font-size"] = inEms(scaleOf(only));
  part.classes.push(...only.classes.filter((name) => !/^(sizing|(reset-)?size\d+)$/.test(name)));
  if (only.style["margin-right"]) part.style["padding-right"] = only.style["margin-right"];
  part.children = only.children;
}

// Nothing but type, and a margin at its end, which becomes a padding of what it is placed in.
function isType(node) {
  if (typeof node === "string" || node.name !== "span" || Object.keys(node.attributes).length) return false;
  const isMoved = Object.entries(node.style).some(([name, value]) => name !== "margin-right" || ems(value) < 0);
  return node.classes.every((name) => TYPE.test(name)) && !isMoved;
}

function scaleOf(node) {
  if (node.style["font-size"]) return ems(node.style["font-size"]);
  if (!has(node, "sizing")) return 1;
  const size = (prefix) => SIZES[Number(node.classes.find((name) => name.startsWith(prefix)).slice(prefix.length)) - 1];
  return size("size") / size("reset-size");
}

// A stack, or a script, with the one alignment that it has there.
function alignedStack(node) {
  const [only] = node.children ?? [];
  const isStack = node.children?.length === 1 && (has(only, "stack") || has(only, "script"));
  if (!isStack || Object.keys(node.style).length || !node.classes.every((name) => [...ALIGNED, ...COLUMNS].includes(name))) return node;
  if (node.classes.includes("sqrt") && node.children.some((child) => has(child, "root"))) return node;
  const implied = has(only, "script") ? "msupsub" : "sqrt";
  only.classes.push(...node.classes.filter((name) => name !== "sqrt" && name !== implied).map((name) => (name === "mfrac" ? "fraction" : name)));
  if (has(only, "fraction")) takeRule(only);
  return only;
}

// The line of a fraction is generated.
function takeRule(fraction) {
  const [rule, another] = fraction.children.filter((part) => has(part, "frac-line"));
  if (!rule || another) return;
  fraction.children = fraction.children.filter((part) => part !== rule);
  fraction.style = { "--line": rule.style.top ?? "0", "--rule": rule.style["--rule"], ...fraction.style };
}

// The stroke through a sign has no width: KaTeX puts it into five boxes.
function negation(node) {
  const rlap = has(node, "vbox") && node.children[0]?.children?.[0];
  if (!rlap || !has(rlap, "rlap") || node.children.length > 1) return node;
  const inner = rlap.children.find((part) => has(part, "inner"));
  return { ...inner, classes: ["negation"], children: [textOf(inner)] };
}

// The room beside a fraction is its margin.
function dropDelimiters(node) {
  node.children.forEach((child, i) => {
    const [before, after] = [node.children[i - 1] ?? "", node.children[i + 1] ?? ""];
    if (has(child, "fraction") && has(before, "nulldelimiter") && has(after, "nulldelimiter")) {
      child.style["margin-inline"] = inEms(NULL_DELIMITER * scaleOf(before));
      before.isGone = after.isGone = !before.children.length && !after.children.length;
    }
  });
  node.children = node.children.filter((child) => !child.isGone);
}

// Room between signs is a padding of one of them, best of one that is an element in any case.
function moveSpaces(node) {
  for (const space of node.children.filter(isSpace)) {
    const i = node.children.indexOf(space);
    const [before, after] = [node.children[i - 1], node.children[i + 1]];
    const room = space.style["margin-right"];
    const places = [
      has(node, "base") && !after && [node, "right"],
      before?.name && !isBare(before) && [before, "right"],
      after?.name && !isBare(after) && !isSpace(after) && [after, "left"],
      before?.name && [before, "right"],
      after?.name && !isSpace(after) && [after, "left"],
    ];
    if (places.some((place) => place && pad(...place, room))) node.children.splice(i, 1);
  }
}

const isSpace = (node) => has(node, "mspace") && !node.children.length && Object.keys(node.style).join() === "margin-right";

function pad(node, side, room) {
  const name = `${ems(room) < 0 ? "margin" : "padding"}-${side}`;
  if (node.name !== "span" || node.isGone || has(node, "nulldelimiter") || PLACED.some((one) => has(node, one)) || name in node.style) return false;
  node.style[name] = inEms(ems(room) / scaleOf(node));
  return true;
}

// -- what is read aloud

function lightenMath(math) {
  const [row, annotation] = math.children[0].children;
  math.children = row.children.map(withoutLayout);
  return textOf(annotation);
}

// What says how large, how far apart or how high the parts are: nobody sees them.
const LAYOUT = /^(scriptlevel|displaystyle|stretchy|minsize|maxsize|lspace|rspace|row.*|column.*)$/;

// A function's name comes with a sign that it is applied, also where it is a script and one part too many.
const SCRIPTED = /^m(sub|sup|subsup|under|over|underover)$/;
const APPLIED = "\u2061";

function withoutLayout(node) {
  if (typeof node === "string") return node;
  node.children = node.children.map(withoutLayout);
  if (SCRIPTED.test(node.name)) node.children = node.children.filter((part) => textOf(part) !== APPLIED);
  for (const name of Object.keys(node.attributes)) if (LAYOUT.test(name)) delete node.attributes[name];
  if (Object.keys(node.attributes).length) return node;
  if (node.name === "mstyle") node.name = "mrow";
  return node.name === "mrow" && node.children.length === 1 ? node.children[0] : node;
}

// Letters and numbers with signs between them, which are read as they stand.
const READ = /^[([]?(−?[ox]([=,+−≤≥≠→∈]|&[lg]t;))*−?[ox][)\]]?$/;

function isTrivial(math, ink) {
  const parts = math.children;
  const shown = parts.map((part) => ({ mi: "x", mn: "o", mo: textOf(part) })[part.name] ?? "?").join("");
  const isPlain = parts.every((part) => !part.style || Object.entries(part.attributes).every((pair) => pair.join() === "mathvariant,normal"));
  return READ.test(shown) && isPlain && textOf(math) === textOf(ink);
}

// -- a formula

function lightenFormula(formula, isDisplayed) {
  const [wrapped, ink] = formula.children;
  const [math] = wrapped.children;
  formula.attributes["data-latex"] = lightenMath(math);
  lightenInk(ink);
  formula.children = [math, ink];
  if (!isDisplayed && ink.children.length === 1 && has(ink.children[0], "base")) {
    const [base] = ink.children;
    Object.assign(ink, { classes: ["katex-html", ...base.classes], style: base.style, children: base.children });
  }
  if (!isDisplayed && isTrivial(math, ink)) {
    formula.classes.push(...ink.classes);
    formula.style = ink.style;
    formula.children = ink.children;
  }
}

export function lighten(html) {
  const root = parse(html);
  const isDisplayed = has(root, "katex-display");
  lightenFormula(isDisplayed ? root.children[0] : root, isDisplayed);
  return write(root);
}
