// What every test in the browser needs: a window, a look by axe, a picture.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const scene = JSON.parse(process.argv[2]);
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const axeSource = readFileSync(join(root, "tests/browser/node_modules/axe-core/axe.min.js"), "utf8");
export const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
export const browser = await chromium.launch({ executablePath: scene.chromium, args: flags });

export const outcome = { failures: 0 };
/** One test; a failed one is told and the others go on. BROWSER_ONLY=text runs those whose name has it. */
export const test = async (name, work) => {
  if (process.env.BROWSER_ONLY && !name.includes(process.env.BROWSER_ONLY)) return;
  const begun = Date.now();
  try {
    await work();
    console.log(`ok      ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    outcome.failures += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
};

/** A signed-in window; whatever it complains about on the console fails the test. */
export const open = async (token, options = {}) => {
  const context = await browser.newContext({ viewport: SIZES.desktop, timezoneId: "Europe/Vienna", locale: "en-GB", bypassCSP: false, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    // A page that answers 4xx on purpose is reported as a failed resource.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.setDefaultTimeout(20_000);
  if (token) {
    await page.goto(scene.base);
    await signIn(page, token);
  }
  return page;
};
export const signIn = async (page, token) => {
  await page.fill("#token", token);
  await page.click("main button[type=submit]");
};
export const done = async (page) => {
  assert.deepEqual(page.complaints, [], "the browser complained");
  await page.context().close();
};

/** Nobody is kept out: axe finds nothing to complain about. */
export const audit = async (page) => {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => axe.run(document));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
  assert.deepEqual(told, [], page.url());
};
export const fitsAPhone = async (page) => {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than a phone`);
};

/** Makes the simulated Crisp slow, or tired: `latency` in milliseconds, `quota` in requests (0: none). */
export const crisp = async (what, value) => {
  const answer = await fetch(`${scene.control}/${what}/${value}`, { method: "POST" });
  assert.equal(answer.status, 200);
};

const SHOTS = join(root, "docs/screenshots");
/** The pages whose pictures are kept in the repository; those of the others are for whoever looks after a run. */
const KEPT = ["connect", "settings", "mapping", "forecast", "running", "sync", "health", "skipped-one", "contact", "company", "conversation"];
/** A picture: into docs/screenshots where it is missing or UPDATE_SCREENSHOTS is set, else into target/. */
export const shot = async (page, name) => {
  const committed = join(SHOTS, `${name}.png`);
  const isKept = KEPT.some((one) => ["desktop", "phone", "dark"].some((size) => name === `${one}-${size}`));
  const rewrite = isKept && (process.env.UPDATE_SCREENSHOTS || !existsSync(committed));
  const folder = rewrite ? SHOTS : join(root, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
};
