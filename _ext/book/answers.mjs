// Judges readers' answers on the page: the same rules, words and data as byhand.answers, which a test
// runs beside it. math.js parses and evaluates what was typed, KaTeX reads LaTeX and sets what was
// understood. It is bundled while the book is built, and fetched when a reader comes near a field.
import {
  absDependencies, addDependencies, complexDependencies, cosDependencies, coshDependencies, create,
  divideDependencies, expDependencies, invDependencies, logDependencies, multiplyDependencies,
  parseDependencies, powDependencies, sinDependencies, sinhDependencies, sqrtDependencies,
  subtractDependencies, tanDependencies, tanhDependencies, transposeDependencies, unaryMinusDependencies,
} from "mathjs";
import katex from "katex";
import RULES from "../../src/byhand/answers/rules.json";

const math = create({
  absDependencies, addDependencies, complexDependencies, cosDependencies, coshDependencies,
  divideDependencies, expDependencies, invDependencies, logDependencies, multiplyDependencies,
  parseDependencies, powDependencies, sinDependencies, sinhDependencies, sqrtDependencies,
  subtractDependencies, tanDependencies, tanhDependencies, transposeDependencies, unaryMinusDependencies,
});

// -- words

class Unread extends Error {}

function words(key, named = {}) {
  return RULES.words[key].replace(/\{(\w+)\}/g, (_, name) => named[name]);
}

const sentence = (said) => (said.endsWith(".") ? said : `${said}.`);

function place(index) {
  if (index.length === 1 && index[0] < RULES.ordinals.length) {
    return words("ordinal", { ordinal: RULES.ordinals[index[0]] });
  }
  return words("entry", { index: index.map((i) => i + 1).join(", ") });
}

function form(shape) {
  if (!shape.length) return words("scalar");
  if (shape.length === 1) return words("vector", shape);
  return words("matrix", [shape.join(" × ")]);
}

function places(indices) {
  const shown = indices.slice(0, 6).map((index) => index.map((i) => i + 1).join(", ")).join("; ");
  return shown + (indices.length > 6 ? "; …" : "");
}

// -- LaTeX, in the plain notation

function plainLatex(text) {
  let tree;
  try {
    tree = katex.__parse(text.trim().replace(/^\$+|\$+$/g, ""), { throwOnError: true, strict: "ignore" });
  } catch (error) {
    const command = /Undefined control sequence: \\([A-Za-z]+)/.exec(error.message);
    throw new Unread(command ? words("command", { name: command[1] }) : words("latex"));
  }
  return latexOf(tree);
}

function latexOf(nodes) {
  return nodes.map(ofNode).join("");
}

const bare = (node) => (node.type === "ordgroup" || node.type === "styling" ? latexOf(node.body) : ofNode(node));
const command = (text) => {
  const name = text.replace(/^\\/, "");
  if (!text.startsWith("\\")) return text;
  if (RULES.latexNames.includes(name)) return ` ${name} `;
  if (name in RULES.latex) return RULES.latex[name];
  throw new Unread(words("command", { name }));
};

function ofNode(node) {
  switch (node.type) {
    case "mathord": case "textord": case "atom": return command(node.text);
    case "op": case "operatorname": return node.name ? command(node.name) : latexOf(node.body);
    case "spacing": case "kern": return "";
    case "ordgroup": return `(${latexOf(node.body)})`;
    case "genfrac": return `((${bare(node.numer)})/(${bare(node.denom)}))`;
    case "sqrt": return node.index ? `((${bare(node.body)})^(1/(${bare(node.index)})))` : `sqrt(${bare(node.body)})`;
    case "leftright": return [command(node.left), latexOf(node.body), command(node.right)].join("");
    case "delimsizing": return command(node.delim);
    case "supsub": return supsub(node);
    case "accent": return accent(node);
    case "font": return bare(node.body);
    case "text": case "mclass": case "styling": case "color": return latexOf(node.body);
    default: throw new Unread(words("latex"));
  }
}

function supsub({ base, sub, sup }) {
  const below = sub ? `_${bare(sub).trim()} ` : "";
  const start = (base ? ofNode(base) : "").trimEnd() + below;
  if (!sup) return start;
  const raised = bare(sup).trim();
  return start + (/^'+$/.test(raised) ? raised : sup.type === "ordgroup" ? `^(${bare(sup)})` : `^${raised} `);
}

function accent({ label, base }) {
  const added = RULES.latexAccents[label.slice(1)];
  if (!added) throw new Unread(words("command", { name: label.slice(1) }));
  return ` ${bare(base).trim()}${added} `;
}

// -- the plain notation, with every sign of multiplication

const PAIRS = { "|": "abs", "‖": "norm" };
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function spelled(text) {
  for (const [kind, before, after] of [["superscripts", "^(", ")"], ["subscripts", "_", ""]]) {
    const letters = RULES[kind];
    const run = new RegExp(`[${Object.keys(letters).join("")}]+`, "g");
    text = text.replace(run, (found) => before + [...found].map((letter) => letters[letter]).join("") + after);
  }
  for (const [letter, written] of Object.entries(RULES.letters)) text = text.replaceAll(letter, written);
  return text.replace(/\s+_/g, "_");
}

class Joined {
  constructor(text, names) {
    Object.assign(this, { text, names, parts: [], opened: [], before: "start", root: false });
  }

  read() {
    const token = new RegExp(RULES.token, "y");
    let position = 0;
    for (;;) {
      position += /^\s*/.exec(this.text.slice(position))[0].length;
      if (position === this.text.length) break;
      token.lastIndex = position;
      const found = token.exec(this.text);
      if (!found) this.refuse("letter", { letter: String.fromCodePoint(this.text.codePointAt(position)) });
      position = token.lastIndex;
      const { number, name, sign } = found.groups;
      if (number) this.number(number);
      else if (name) this.name(name);
      else this.sign(sign);
    }
    if (this.before === "function") this.refuse("function", { name: this.parts.at(-1) });
    if (["start", "sign"].includes(this.before)) this.refuse("end");
    if (this.opened.length) this.refuse("open");
    return this.parts.join("");
  }

  get afterValue() {
    return this.before === "value" || this.before === "number";
  }

  refuse(key, named) {
    const [why, read] = [words(key, named), this.parts.join("")];
    throw new Unread(read ? words("after", { why, read }) : why);
  }

  value(text, kind = "value") {
    if (this.before === "function") this.refuse("function", { name: this.parts.at(-1) });
    if (this.afterValue) this.parts.push("*");
    this.parts.push(this.root ? `sqrt(${text})` : text);
    this.root = false;
    this.before = kind;
  }

  number(text) {
    if (this.before === "number") this.refuse("mixed", { number: text });
    this.value(text, "number");
  }

  name(text) {
    text = RULES.aliases[text] ?? text;
    if (!RULES.functions.includes(text) || this.names.includes(text)) {
      this.known(text).forEach((each) => this.value(each));
      return;
    }
    if (this.before === "function") this.refuse("function", { name: this.parts.at(-1) });
    if (this.afterValue) this.parts.push("*");
    this.parts.push(text);
    this.before = "function";
  }

  known(text) {
    const constants = RULES.constants.filter((one) => !this.names.includes(one));
    const allowed = [...this.names, ...constants, ...(this.names.length ? ["T"] : [])];
    const subscripted = text.replace(/^([A-Za-z]+)([0-9]+)$/, "$1_$2");
    for (const one of [text, subscripted]) if (allowed.includes(one)) return [one];
    const longest = [...allowed].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
    const product = longest.map(escaped).join("|");
    if (new RegExp(`^(?:${product})+$`).test(text)) return text.match(new RegExp(product, "g"));
    if (!this.names.length) this.refuse("onlyNumbers");
    const known = words("known", { names: this.names.join(", ") });
    return this.refuse("name", { name: text, known });
  }

  sign(sign) {
    if (sign === "," || sign === ";") this.refuse("comma");
    if (sign in PAIRS) this.bar(sign);
    else if (sign === "√") {
      if (this.afterValue) this.parts.push("*");
      this.root = true;
      this.before = "sign";
    } else if (sign === "(") this.open("(");
    else if (sign === ")") this.close();
    else if (sign === "'") {
      if (!this.afterValue) this.refuse("operand", { sign });
      this.parts.push("^T");
      this.before = "value";
    } else {
      if (this.before === "function") this.refuse("function", { name: this.parts.at(-1) });
      if (!this.afterValue && !"+-".includes(sign)) this.refuse("operand", { sign });
      this.parts.push(sign === "**" ? "^" : sign);
      this.before = "sign";
    }
  }

  open(sign) {
    if (this.afterValue) this.parts.push("*");
    if (this.root) this.parts.push("sqrt");
    const both = sign in PAIRS && this.before === "function";
    this.parts.push(`${both ? "(" : ""}${PAIRS[sign] ?? ""}(`);
    this.opened.push([sign, both ? "))" : ")"]);
    this.root = false;
    this.before = "start";
  }

  close() {
    if (!this.opened.length) this.refuse("closed");
    if (!this.afterValue) this.refuse("operand", { sign: ")" });
    this.end("(");
  }

  bar(sign) {
    if (this.afterValue && this.opened.some(([opened]) => opened === sign)) this.end(sign);
    else this.open(sign);
  }

  end(sign) {
    const [opened, ending] = this.opened.pop();
    if (opened !== sign) this.refuse("open");
    this.parts.push(ending);
    this.before = "value";
  }
}

export function plain(text, names = []) {
  if (!text.trim()) throw new Unread(words("empty"));
  if (text.includes("\\") || text.includes("{")) text = plainLatex(text);
  return new Joined(spelled(text), names).read();
}

// -- values: complex numbers, and matrices as arrays of rows

const PREFIX = "n_"; // stands before each name while it is parsed: math.js has units and words of its own
const NAN = math.complex(NaN, NaN);
const isMatrix = Array.isArray;
const sizeOf = (value) => (isMatrix(value) ? [value.length, value[0].length] : []);
const said = (value) => (isMatrix(value) ? words("size", [sizeOf(value).join(" × ")]) : "number");
const finite = (value) => (Number.isFinite(value.re) && Number.isFinite(value.im) ? value : NAN);
const single = (value) => (isMatrix(value) && value.length === 1 && value[0].length === 1 ? value[0][0] : value);

const FUNCTIONS = {
  sqrt: math.sqrt, exp: math.exp, log: math.log, sin: math.sin, cos: math.cos, tan: math.tan,
  sinh: math.sinh, cosh: math.cosh, tanh: math.tanh, abs: math.abs,
  sigma: (z) => math.divide(1, math.add(1, math.exp(math.unaryMinus(z)))),
};

const toTree = (read) => math.parse(read.replace(/(?<![\w.])(?=[A-Za-z])/g, PREFIX));

export function evaluate(read, symbols = {}) {
  const value = single(valueOf(toTree(read), symbols));
  return isMatrix(value) ? value : finite(value);
}

function valueOf(node, symbols) {
  if (node.isParenthesisNode) return valueOf(node.content, symbols);
  if (node.isConstantNode) return math.complex(Number(node.value), 0);
  if (node.isSymbolNode) return symbolOf(node.name.slice(PREFIX.length), symbols);
  if (node.isFunctionNode) return call(node.fn.name.slice(PREFIX.length), valueOf(node.args[0], symbols));
  if (node.isUnaryMinus?.() || node.args.length === 1) {
    const value = valueOf(node.args[0], symbols);
    return node.op === "-" ? math.unaryMinus(value) : value;
  }
  const left = valueOf(node.args[0], symbols);
  if (node.op === "^") {
    const exponent = unwrapped(node.args[1]);
    if (exponent.isSymbolNode && exponent.name === `${PREFIX}T` && !("T" in symbols)) {
      return isMatrix(left) ? math.transpose(left) : left;
    }
    return power(left, valueOf(exponent, symbols));
  }
  const right = valueOf(node.args[1], symbols);
  return { "+": plus, "-": (a, b) => plus(a, math.unaryMinus(b)), "*": times, "/": over }[node.op](left, right);
}

const unwrapped = (node) => (node.isParenthesisNode ? unwrapped(node.content) : node);

function symbolOf(name, symbols) {
  if (name in symbols) return symbols[name];
  if (name === "T") throw new Unread(words("transposed"));
  return math.complex({ pi: Math.PI, e: Math.E }[name], 0);
}

function plus(left, right) {
  if (sizeOf(left).join() !== sizeOf(right).join()) {
    throw new Unread(words("sum", { left: said(left), right: said(right) }));
  }
  return math.add(left, right);
}

function times(left, right) {
  if (isMatrix(left) && isMatrix(right)) {
    const [[rows, columns], [n, m]] = [sizeOf(left), sizeOf(right)];
    if (columns === 1 && n === rows && (m === 1 || m === n)) left = math.transpose(left); // a · b, a · M
    if (left[0].length !== n) throw new Unread(words("product", { left: said(left), right: said(right) }));
  }
  return single(math.multiply(left, right));
}

function over(left, right) {
  if (isMatrix(right)) throw new Unread(words("division", { left: said(left), right: said(right) }));
  const zero = right.re === 0 && right.im === 0;
  if (isMatrix(left)) return math.multiply(left, zero ? NAN : math.divide(1, right));
  return zero ? NAN : finite(math.divide(left, right));
}

function power(left, right) {
  if (isMatrix(left)) {
    const whole = !isMatrix(right) && right.im === 0 && Number.isInteger(right.re) && Math.abs(right.re) <= 4;
    if (!whole || left.length !== left[0].length) throw new Unread(words("power", { left: said(left) }));
    return math.pow(right.re < 0 ? math.inv(left) : left, Math.abs(right.re));
  }
  if (isMatrix(right)) throw new Unread(words("power", { left: said(left) }));
  if (left.re === 0 && left.im === 0) return math.complex(right.re > 0 ? 0 : right.re === 0 ? 1 : NaN, 0);
  return finite(math.complex(math.pow(left, right)));
}

function call(name, value) {
  if (name === "norm") {
    const entries = isMatrix(value) ? value.flat() : [value];
    return math.complex(Math.sqrt(entries.reduce((sum, { re, im }) => sum + re * re + im * im, 0)), 0);
  }
  if (isMatrix(value)) throw new Unread(words("argument", { name, left: said(value) }));
  return finite(math.complex(FUNCTIONS[name](value)));
}

// -- numbers that were typed: fractions of BigInts

const abs = (n) => (n < 0n ? -n : n);
const minus = ([a, b], [c, d]) => [a * d - c * b, b * d];
const size = ([a, b]) => [abs(a), abs(b)];
const atMost = ([a, b], [c, d]) => a * d <= c * b; // of positive denominators
const product = ([a, b], [c, d]) => [a * c, b * d];
const sum = ([a, b], [c, d]) => [a * d + c * b, b * d];
const half = ([a, b]) => [a, 2n * b];

function ofDecimal(text) {
  const [, sign, whole, part = "", exponent = "0"] = /^([-+]?)(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/.exec(text);
  const places = BigInt(exponent) - BigInt(part.length);
  const digits = BigInt(`${whole}${part}` || "0") * (sign === "-" ? -1n : 1n);
  return { value: places < 0n ? [digits, 10n ** -places] : [digits * 10n ** places, 1n], places };
}

const ofFloat = (x) => ofDecimal(x.toPrecision(17)).value;

export function number(text) {
  const read = plain(text);
  if (new RegExp(`^(?:${RULES.decimal})$`).test(read) && Math.abs(Number(/[eE](.*)/.exec(read)?.[1] ?? 0)) <= 300) {
    return { ...ofDecimal(read), kind: "decimal", text: read };
  }
  if (new RegExp(`^(?:${RULES.fraction})$`).test(read)) {
    const [numerator, denominator] = read.replace("+", "").split("/").map(BigInt);
    if (denominator) return { value: [numerator, denominator], kind: "fraction", text: read };
  }
  const value = evaluate(read);
  if (isMatrix(value) || !Number.isFinite(value.re)) throw new Unread(words("infinite"));
  if (Math.abs(value.im) > 1e-12 * Math.hypot(value.re, value.im)) throw new Unread(words("complex"));
  return { value: ofFloat(value.re), kind: "expression", text: read };
}

const hasTwoDigits = (text) => text.split(/[eE]/)[0].replace(/\D/g, "").replace(/^0+/, "").length >= 2;

function agreement(mine, right, data) {
  const [off, extent] = [size(minus(mine.value, right.value)), size(right.value)];
  const inexact = mine.kind === "expression" || right.kind === "expression" || data.rtol > 0;
  const bound = sum(product(ofFloat(Math.max(data.rtol, 1e-12)), extent), ofFloat(data.floor));
  if (off[0] === 0n || (inexact && atMost(off, bound))) return "right";
  if (mine.kind !== "decimal" || !hasTwoDigits(mine.text)) return null;
  const unit = mine.places < 0n ? [1n, 10n ** -mine.places] : [10n ** mine.places, 1n];
  const short = minus(extent, size(mine.value));
  const sameSign = mine.value[0] * right.value[0] >= 0n;
  const cutOff = sameSign && short[0] >= 0n && !atMost(unit, short);
  return atMost(off, half(unit)) || cutOff ? "rounded" : null;
}

// -- verdicts

const verdict = (one, text) => ({ verdict: one, words: text });

export function judge(data, texts) {
  if (data.kind === "steps") return ticked(texts);
  if (data.kind === "choice") return chosen(data, texts[0]);
  let given;
  try {
    given = texts.map((text, i) => read(data, i, text));
  } catch (error) {
    if (error instanceof Unread) return verdict("unread", error.message);
    throw error;
  }
  return compared(data, given);
}

function ticked(texts) {
  const count = texts.filter(Boolean).length;
  if (count === texts.length) return verdict("right", words("steps"));
  return verdict("unread", words("some", { count, all: texts.length }));
}

function chosen(data, text) {
  const same = (one) => one.toLowerCase() === text.trim().toLowerCase();
  const choice = data.choices.find(same);
  if (!text.trim()) return verdict("unread", words("unread", { why: words("unchosen") }));
  if (choice === undefined) {
    const why = words("word", { word: text, choices: data.choices.join(", ") });
    return verdict("unread", words("unread", { why }));
  }
  if (data.right[0].includes(choice)) return verdict("right", words("right"));
  const slip = data.slips.find((one) => one.texts.includes(choice));
  return slip ? verdict("slip", sentence(slip.words)) : verdict("wrong", words("choice"));
}

function read(data, i, text) {
  try {
    return data.kind === "formula" ? formula(data, text) : number(text);
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    const why = error.message;
    if (data.right[0].length === 1) throw new Unread(words("unread", { why }));
    throw new Unread(words("unreadEntry", { place: place(indexOf(data, i)), why }));
  }
}

function pointValue(value) {
  if (!Array.isArray(value)) return math.complex(value, 0);
  if (!Array.isArray(value[0])) return math.complex(value[0], value[1]);
  return value.map((row) => row.map((entry) => math.complex(entry, 0)));
}

function formula(data, text) {
  const plainly = plain(text, data.symbols);
  return data.points.map((point) => {
    const symbols = Object.fromEntries(Object.entries(point).map(([name, value]) => [name, pointValue(value)]));
    return evaluate(plainly, symbols);
  });
}

function compared(data, given) {
  const ways = data.right.map((texts) => waysOf(data, given, texts));
  if (ways.some((each) => each.every((way) => way === "right"))) return verdict("right", words("right"));
  if (ways.some((each) => each.every(Boolean))) return verdict("rounded", words("rounded"));
  const slip = data.slips.find(({ texts }) => waysOf(data, given, texts).every(Boolean));
  if (slip) return verdict("slip", sentence(slip.words));
  const off = (each) => each.filter((way) => way === null).length;
  const nearest = ways.reduce((best, each) => (off(each) < off(best) ? each : best));
  return verdict("wrong", whatDiffers(data, given, nearest));
}

function waysOf(data, given, texts) {
  if (texts.length !== given.length) return given.map(() => null);
  return given.map((mine, i) => {
    if (data.kind !== "formula") return agreement(mine, number(texts[i]), data);
    return same(data, mine, formula(data, texts[i])) ? "right" : null;
  });
}

function same(data, mine, right) {
  return mine.every((a, i) => {
    const b = right[i];
    if (sizeOf(a).join() !== sizeOf(b).join()) return false;
    const [left, other] = [a, b].map((each) => (isMatrix(each) ? each.flat() : [each]));
    return left.every((x, j) => {
      const y = other[j];
      return Math.hypot(x.re - y.re, x.im - y.im) <= data.floor + data.rtol * Math.hypot(y.re, y.im);
    });
  });
}

function indexOf(data, i) {
  if (data.shape.length < 2) return [i];
  return [Math.floor(i / data.shape[1]), i % data.shape[1]];
}

function whatDiffers(data, given, ways) {
  if (ways.length === 1) {
    if (data.kind !== "formula") return words("number");
    const [this_, wanted] = [given[0][0], formula(data, data.right[0][0])[0]].map(sizeOf);
    if (this_.join() !== wanted.join()) return words("shape", { wanted: form(wanted), this: form(this_) });
    return words("formula");
  }
  const off = ways.flatMap((way, i) => (way === null ? [indexOf(data, i)] : []));
  if (off.length === ways.length) return words("none");
  if (off.length > 1) return words("several", { count: off.length, all: ways.length, places: places(off) });
  return words("one", { place: place(off[0]) });
}

// -- what was understood, as mathematics: byhand.answers.typesetting

const [SUM, PRODUCT, POWER, ATOM] = [1, 2, 3, 4]; // how tightly a part holds together
const enclosed = (text) => (text.includes("\\frac") ? `\\left(${text}\\right)` : `(${text})`);

function atLeast(bond, node) {
  const [text, own] = texOf(node);
  return own >= bond ? text : enclosed(text);
}

function texOf(node) {
  if (node.isParenthesisNode) return texOf(node.content);
  if (node.isConstantNode) return texOfNumber(Number(node.value));
  if (node.isSymbolNode) return [texOfName(node.name.slice(PREFIX.length)), ATOM];
  if (node.isFunctionNode) {
    return [texOfCall(node.fn.name.slice(PREFIX.length), texOf(node.args[0])[0]), ATOM];
  }
  const [left, right] = node.args;
  if (!right) return [(node.op === "-" ? "-" : "") + atLeast(PRODUCT, left), node.op === "-" ? SUM : PRODUCT];
  if (node.op === "/") return texOfFraction(unwrapped(left), texOf(right)[0]);
  if (node.op === "^") return [`${atLeast(ATOM, left)}^{${texOf(right)[0]}}`, POWER];
  if (node.op === "*") return texOfProduct(left, right);
  return [`${texOf(left)[0]}${node.op}${atLeast(PRODUCT, right)}`, SUM];
}

// A sign in front of what is above stands in front of the fraction.
function texOfFraction(above, below) {
  const isSigned = above.isOperatorNode && above.args.length === 1 && above.op === "-";
  const [inner] = texOf(isSigned ? above.args[0] : above);
  return [`${isSigned ? "-" : ""}\\frac{${inner}}{${below}}`, isSigned ? SUM : PRODUCT];
}

// Two factors side by side; a sign in front of the first is that of the product.
function texOfProduct(left, right) {
  const inner = unwrapped(left);
  const isSum = inner.isOperatorNode && inner.args.length === 2 && "+-".includes(inner.op);
  const [text, own] = texOf(inner);
  const [first, bond] = isSum ? [enclosed(text), PRODUCT] : [text, Math.min(own, PRODUCT)];
  const second = atLeast(PRODUCT, right);
  if (/^(\\left)?\(/.test(second)) return [first + second, bond];
  return [first + (/^(\d|\\frac)/.test(second) ? "\\cdot " : "\\,") + second, bond];
}

function texOfNumber(value) {
  if (!Number.isFinite(value)) return ["\\infty", ATOM];
  const isShort = value === 0 || (value >= 1e-4 && value < 1e16);
  const [digits, exponent] = (isShort ? String(value) : value.toExponential()).split("e");
  return exponent ? [`${digits}\\cdot 10^{${Number(exponent)}}`, PRODUCT] : [digits, ATOM];
}

function texOfName(name) {
  const [start, ...below] = name.split("_");
  const letter = RULES.latexNames.includes(start) ? `\\${start}` : start.length > 1 ? `\\mathrm{${start}}` : start;
  if (["tilde", "hat"].includes(below[0])) return `\\${below[0]}{${letter}}`;
  return below.length ? `${letter}_{${below.join(",")}}` : letter;
}

function texOfCall(name, inside) {
  if (name === "sqrt") return `\\sqrt{${inside}}`;
  if (name === "abs") return `\\left|${inside}\\right|`;
  if (name === "norm") return `\\left\\Vert ${inside}\\right\\Vert`;
  return `\\${name}${enclosed(inside)}`;
}

function arranged(entries, shape) {
  if (!shape.length) return entries[0];
  if (shape.length === 1) return `\\left(${entries.join(",\\; ")}\\right)`;
  const rows = Array.from({ length: shape[0] }, (_, i) => entries.slice(i * shape[1], (i + 1) * shape[1]).join(" & "));
  return `\\begin{pmatrix}${rows.join("\\\\ ")}\\end{pmatrix}`;
}

function readOrNot(text, symbols) {
  try {
    return plain(text, symbols);
  } catch (error) {
    if (error instanceof Unread) return null;
    throw error;
  }
}

// The LaTeX of the texts of a form, or nothing where it would say nothing new.
function understood({ symbols, shape }, texts) {
  const reads = texts.map((text) => readOrNot(text, symbols));
  if (reads.every((read) => read === null || /^[-+]?[\d.]+$/.test(read))) return "";
  return arranged(reads.map((read) => (read === null ? "\\square" : texOf(toTree(read))[0])), shape);
}

// As MathML: the styles of the page's own formulas are not KaTeX's.
function setAs(target, latex) {
  const set = document.createElement("span");
  if (latex) katex.render(latex, set, { output: "mathml", throwOnError: false });
  target.replaceChildren(...set.querySelectorAll("math"));
}

// -- the right answer, for who asks for it

const DIGITS = 6;

function rightAnswer(data) {
  const [texts] = data.right;
  if (data.kind === "choice") return `\\text{${texts[0]}}`;
  const entries = texts.map((text) => (/\.\d{7}/.test(text) ? String(Number(Number(text).toPrecision(DIGITS))) : text));
  return arranged(entries.map((text) => texOf(toTree(plain(text, data.symbols)))[0]), data.shape);
}

// -- the forms of a page

const textOf = (field) => (field.type === "checkbox" ? (field.checked ? "x" : "") : field.value);

function below(form, name) {
  const target = document.createElement("div");
  target.className = name;
  form.append(target);
  return target;
}

// Prepares a form, and returns what judges it.
export function start(form, data) {
  const status = form.querySelector("[role=status]");
  const fields = [...form.querySelectorAll("input, select")];
  const texts = () => fields.map(textOf);
  if (fields[0].type === "text") {
    const target = below(form, "answer-echo");
    target.ariaHidden = "true"; // the fields have what it says
    const echo = () => setAs(target, understood(data, texts()));
    form.addEventListener("input", echo);
    echo();
  }
  if (data.right.length) offer(form, data);
  return () => {
    const found = judge(data, texts());
    status.setAttribute("data-verdict", found.verdict);
    status.textContent = found.words;
    return found;
  };
}

// Shows the right answer on demand; the styles show the button once an answer was judged.
function offer(form, data) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "answer-show", textContent: "Show the answer" });
  form.append(button);
  const target = below(form, "answer-value");
  target.ariaLive = "polite";
  button.addEventListener("click", () => setAs(target, rightAnswer(data)));
}

globalThis.byhandAnswers = { judge, plain, start, rightAnswer, understood };
