// Reads the book in a Firefox as a reader does, by keyboard. In comes {firefox, site, solved, scripts, folder}
// as JSON; out go, for each walk, what was found and what went wrong. test_firefox.py judges it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const audit = createRequire(new URL("../audit/package.json", import.meta.url));
const { launch } = await import(audit.resolve("puppeteer-core"));
const { firefox, site, solved, scripts, folder } = JSON.parse(readFileSync(0, "utf8"));

const CHAPTER = "chapters/02_optimization.html";
const LAPTOP = { width: 1200, height: 900 };
const PHONE = { width: 390, height: 844 };

const call = (page, source, ...values) => page.evaluate(`(${source})(${values.map((v) => JSON.stringify(v))})`);
const form = (claim) => `form.answer[data-claim="${claim}"]`;

// -- what a reader does

// A reader who looks for a problem finds its fields: they come when one comes near, or after a while.
const fieldsOf = (page, claim) => page.waitForSelector(form(claim));

async function fill(page, claim, texts) {
  await fieldsOf(page, claim);
  const fields = await page.$$(`${form(claim)} :is(input, select)`);
  await fields[0].focus();
  for (const [i, text] of texts.entries()) {
    if (i) await page.keyboard.press("Tab");
    await fields[i].evaluate((field) => field.select?.());
    await page.keyboard.type(text);
  }
}

async function answer(page, claim, texts) {
  const status = `${form(claim)} [role=status]`;
  await fieldsOf(page, claim);
  const before = await page.$eval(status, (element) => element.textContent);
  await fill(page, claim, texts);
  const isChoice = await page.evaluate(() => document.activeElement.matches("select"));
  if (isChoice) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction((where, old) => document.querySelector(where).textContent !== old, {}, status, before);
  return said(page, claim);
}

async function said(page, claim) {
  await fieldsOf(page, claim);
  const read = (element) => [element.getAttribute("data-verdict"), element.textContent];
  return page.$eval(`${form(claim)} [role=status]`, read);
}

async function typed(page, claim) {
  await fieldsOf(page, claim);
  return page.$$eval(`${form(claim)} input`, (fields) => fields.map((field) => field.value));
}

async function inMenu(page, selector) {
  await page.focus("summary[aria-label='Try first']");
  await page.keyboard.press("Enter");
  await page.focus(selector);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
}

// -- the walks

const walks = {
  async pages(page) {
    const names = ["index", "chapters/01_linear_algebra", "chapters/03_sgd_stability"];
    names.push("reference/ledger", "reference/problems", "reference/notation");
    for (const name of names) await page.goto(`${site}/${name}.html`);
  },

  async place(page) {
    await page.goto(`${site}/${CHAPTER}#A1`);
    await new Promise((done) => setTimeout(done, 500));
    return page.evaluate(() => {
      const heading = document.getElementById("A1").querySelector("h2");
      return { heading: heading.textContent, top: heading.getBoundingClientRect().top, height: innerHeight };
    });
  },

  async search(page) {
    await page.goto(`${site}/index.html`);
    await page.keyboard.down("Control");
    await page.keyboard.press("k");
    await page.keyboard.up("Control");
    await page.keyboard.type("heavy ball");
    await page.keyboard.press("Enter");
    const link = await page.waitForSelector("ul.search a[href*='#']");
    await page.waitForNetworkIdle(); // or the excerpts that are still to come are missed aloud
    await Promise.all([page.waitForNavigation(), link.click()]);
    return page.evaluate(() => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const { top, bottom } = target.getBoundingClientRect();
      return { text: target.parentElement.textContent, isSeen: bottom > 0 && top < innerHeight };
    });
  },

  async slider(page) {
    await page.goto(`${site}/${CHAPTER}`);
    const state = () => page.$eval(".book-figure:has(input[type=range])", async (figure) => {
      const image = figure.querySelector("img");
      await image.decode();
      return [image.src, image.alt, figure.querySelector("output").textContent];
    });
    await page.focus(".book-figure input[type=range]");
    const before = await state();
    await page.keyboard.press("ArrowRight");
    return { before, after: await state() };
  },

  async colours(page) {
    const theme = () => page.evaluate(() => ({ ...document.documentElement.dataset }));
    await page.goto(`${site}/index.html`);
    const modes = [await theme()];
    await page.focus(".theme-switch-button");
    await page.keyboard.press("Enter");
    modes.push(await theme());
    await page.goto(`${site}/${CHAPTER}`);
    modes.push(await theme());
    return modes;
  },

  async answers(page) {
    const found = [];
    let current;
    for (const [chapter, claim, texts] of solved) {
      if (chapter !== current) await page.goto(`${site}/chapters/${chapter}.html`);
      current = chapter;
      found.push(await answer(page, claim, texts));
    }
    return found;
  },

  async echo(page) {
    await page.goto(`${site}/chapters/03_sgd_stability.html`);
    await fill(page, "D2.5.best", ["h/(h^2 + rho)"]);
    const fraction = await page.waitForSelector(`${form("D2.5.best")} .answer-echo mfrac`);
    return fraction.evaluate((element) => [...element.children].map((part) => {
      const { top, bottom, width } = part.getBoundingClientRect();
      return { top, bottom, width };
    }));
  },

  async tryFirst(page) {
    await page.goto(`${site}/${CHAPTER}`);
    const folded = (problem) => call(page, scripts.folded, problem);
    const found = { before: await folded("A1") };
    await inMenu(page, ".try-first");
    found.switched = await folded("A1");
    await page.goto(`${site}/chapters/05_backpropagation.html`);
    found.elsewhere = await folded("B3.1");
    await page.goto(`${site}/${CHAPTER}`);
    await answer(page, "C-loss", ["2209/200"]);
    found.solved = await folded("C-loss");
    found.unsolved = await folded("C-sgd");
    return found;
  },

  async keeping(page) {
    const read = async () => ({ typed: await typed(page, "C-forward.y"), said: await said(page, "C-forward.y") });
    await page.goto(`${site}/${CHAPTER}`);
    await answer(page, "C-forward.y", ["0.31"]);
    const answered = await read();
    await page.reload();
    const reloaded = await read();
    await inMenu(page, ".answers-forget");
    const forgotten = await read();
    await page.reload();
    return { answered, reloaded, forgotten, afterwards: await read() };
  },

  async sheet(page) {
    const name = "chapters/06_convolutional_networks.html";
    await page.goto(`${site}/${name}?try`);
    const folded = await call(page, scripts.folded, "E3.2");
    await page.pdf({ path: `${folder}/try.pdf` });
    await page.goto(`${site}/${name}`);
    return { asked: folded, unasked: await call(page, scripts.folded, "E3.2") };
  },

  // What is read aloud is on the page, too, and not to be seen.
  async formulas(page) {
    await page.goto(`${site}/${CHAPTER}`);
    await page.evaluate(`(${scripts.everything})()`);
    await page.evaluate(() => document.fonts.ready.then(() => 0));
    return page.$$eval("article .katex", (all) => all.filter((one) => one.checkVisibility()).map((one) => {
      const sizes = [one.querySelector(".katex-html") ?? one, one.querySelector("math")].map((part) => {
        const { width, height } = part?.getBoundingClientRect() ?? { width: 0, height: 0 };
        return Math.min(width, height);
      });
      return [one.dataset.latex, ...sizes];
    }));
  },

  async phone(page) {
    await page.setViewport(PHONE);
    await page.goto(`${site}/${CHAPTER}`);
    const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
    return { cut: await call(page, scripts.cut), width };
  },
};

// -- each in a context of its own

// Firefox says it of a formula that has not come whole yet; test_site.py reads all of them.
const ON_ITS_WAY = /^Invalid markup: Incorrect number of children/;

async function walked(browser, walk) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", ({ message }) => ON_ITS_WAY.test(message) || problems.push(message));
  page.on("response", (response) => response.status() < 400 || problems.push(`${response.status()}: ${response.url()}`));
  await page.setViewport(LAPTOP);
  const found = await walk(page).catch((error) => ({ error: error.stack }));
  await context.close();
  return { found: found ?? null, problems };
}

// Bars that scroll take no room, as on a phone.
const browser = await launch({
  browser: "firefox",
  executablePath: firefox,
  extraPrefsFirefox: { "ui.useOverlayScrollbars": 1, "widget.gtk.overlay-scrollbars.enabled": true },
});
const report = {};
for (const [name, walk] of Object.entries(walks)) report[name] = await walked(browser, walk);
await browser.close();
process.stdout.write(JSON.stringify(report));
