// The console in Chromium: node run.mjs '<scene as JSON>' (tests/scenarios/browser.rs serves the console and makes the
// scene). Screenshots go to docs/screenshots where they are missing or UPDATE_SCREENSHOTS is set, else to target/.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const scene = JSON.parse(process.argv[2]);
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const axeSource = readFileSync(join(root, "tests/browser/node_modules/axe-core/axe.min.js"), "utf8");
const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });

let failures = 0;
const test = async (name, work) => {
  const begun = Date.now();
  try {
    await work();
    console.log(`ok      ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
};

/** A signed-in window; whatever it complains about on the console fails the test. */
const open = async (token, options = {}) => {
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
    await page.fill("#token", token);
    await page.click("main button[type=submit]");
  }
  return page;
};
const done = async (page) => {
  assert.deepEqual(page.complaints, [], "the browser complained");
  await page.context().close();
};

await test("a wrong token is refused where it was typed, a right one lets in, and out again", async () => {
  const page = await open();
  await page.goto(`${scene.base}/contacts`);
  await page.fill("#token", "not a token");
  await page.click("main button[type=submit]");
  await page.waitForSelector("text=was not accepted");
  await page.fill("#token", scene.admin);
  await page.click("main button[type=submit]");
  await page.waitForSelector("h1:has-text('Contacts')");
  await page.click("text=Sign out");
  await page.waitForSelector("#token");
  await done(page);
});

await test("a reader sees no settings and no way to them", async () => {
  const page = await open(scene.reader);
  await page.waitForSelector("h1:has-text('Contacts')");
  assert.equal(await page.locator("nav >> text=Integrations").count(), 0);
  const answer = await page.goto(`${scene.base}/integrations`);
  assert.equal(answer.status(), 403);
  await page.waitForSelector("h1:has-text('This page is not for you')");
  await done(page);
});

let freshPage = null;
let freshSync = null;
await test("the wizard, from install to finished import, live and after a reload", async () => {
  const page = await open(scene.admin);
  await page.click("text=Connect another workspace");
  await page.waitForSelector("text=Install the plugin in Crisp");
  freshPage = page.url();

  // A connect that fails, at its field.
  await page.fill("#website_id", "not an id");
  await page.click("form[action$='/website'] button");
  await page.waitForSelector("#refused");
  assert.match(await page.textContent("#refused"), /website id/i);
  assert.equal(await page.inputValue("#website_id"), "not an id");
  await page.fill("#website_id", `https://app.crisp.chat/website/${scene.stranger.toUpperCase()}/inbox/`);
  await page.click("form[action$='/website'] button");
  await page.waitForSelector("text=Install the plugin on that very website first");
  await page.goto(freshPage);

  // Install in another tab; this one notices by itself.
  const [popup] = await Promise.all([page.context().waitForEvent("page"), page.click("#install")]);
  await popup.waitForSelector("select[name=website_id]");
  await popup.selectOption("select[name=website_id]", scene.fresh);
  await popup.click("button");
  await popup.waitForURL(/integrations\//);
  await popup.waitForSelector("text=Fresh Workspace is connected");
  await popup.close();
  await page.waitForSelector("text=Fresh Workspace is connected");
  await page.click("main [role=button]:has-text('Go on')");

  // Settings, with a mistake first.
  await page.check("input[name=backfill][value=custom]", { force: true });
  await page.fill("input[name=backfill_days]", "9999999");
  await page.click("text=Save and go on");
  await page.waitForSelector("#backfill-error");
  await page.check("input[name=backfill][value='']", { force: true });
  await page.click("text=Save and go on");

  // Mapping: examples from the workspace, and a live preview.
  await page.waitForSelector(".previewed");
  assert.ok(await page.locator(".example").count() > 3, "examples of the workspace's own fields");
  const last = page.locator(".mapping-row").last();
  await last.locator(".from input").fill("person.geolocation.city");
  await last.locator(".attribute input").fill("city");
  await last.locator(".attribute input").blur();
  await page.waitForSelector("#preview dt:has-text('City')");
  await last.locator(".attribute input").fill("Not A Name");
  await page.click("button[value=save]");
  await page.waitForSelector(".mapping-row .wrong");
  await page.locator(".mapping-row.has-error .attribute input").fill("city");
  await page.click("button[value=save]");

  // Forecast and trigger.
  await page.waitForSelector("#forecast .figures");
  await page.click("#trigger");
  await page.waitForURL(/syncs\//);
  freshSync = page.url();
  await page.waitForSelector(".bars progress");
  const before = await page.textContent(".progress-card");
  await page.waitForFunction((was) => document.querySelector(".progress-card").textContent !== was, before);
  await page.reload();
  await page.waitForSelector(".bars progress");
  await page.waitForFunction(() => document.querySelector("#sync-state")?.textContent === "Succeeded", null, { timeout: 90_000 });
  await page.goto(freshPage);
  await page.waitForSelector("text=Current as of");
  await done(page);
});

await test("the wizard without scripts", async () => {
  const page = await open(scene.admin, { javaScriptEnabled: false });
  await page.click("text=Connect another workspace");
  const link = await page.getAttribute("#install", "href");
  const here = page.url();
  await page.goto(link);
  await page.selectOption("select[name=website_id]", scene.plain);
  await page.click("button");
  await page.waitForURL(here);
  await page.click("main [role=button]:has-text('Go on')");
  await page.click("text=Save and go on");
  await page.click("button[value=add]");
  await page.click("button[value=preview]");
  await page.waitForSelector(".previewed");
  await page.click("button[value=save]");
  await page.click("text=Work out a forecast");
  await page.waitForSelector("#forecast .figures");
  await page.click("#trigger");
  await page.waitForURL(/syncs\//);
  // The page looks again by itself.
  await page.waitForSelector("#sync-state:has-text('Succeeded')", { timeout: 60_000 });
  await done(page);
});

await test("a thread full of hostile text is text", async () => {
  const page = await open(scene.reader);
  await page.goto(`${scene.base}/contacts?search=${encodeURIComponent(scene.contact)}`);
  await page.click(".people a");
  await page.click(".conversations h3 a");
  await page.waitForSelector(".thread .message");
  assert.equal(await page.evaluate(() => document.title.includes("owned") && !document.title.includes("<script>")), false);
  assert.equal(await page.locator("main script, main img, main iframe").count(), 0);
  assert.equal(await page.locator("a[href^='javascript']").count(), 0);
  assert.equal(await page.locator(".attachment a").count(), 1);
  assert.match(await page.textContent(".message.note"), /Internal note/);
  assert.equal(await page.locator(".message.inbound").count() >= 2, true);
  const left = await page.locator(".message.inbound").first().boundingBox();
  const right = await page.locator(".message.outbound").first().boundingBox();
  assert.ok(left.x < right.x, "inbound stands left of outbound");
  assert.match(await page.textContent("[data-zone]"), /Vienna/);
  await done(page);
});

const pages = {
  "sign-in": [null, "/"],
  integrations: [scene.admin, "/integrations"],
  connect: [scene.admin, null],
  health: [scene.admin, `/integrations/${scene.integration}`],
  settings: [scene.admin, `/integrations/${scene.integration}/settings`],
  mapping: [scene.admin, `/integrations/${scene.integration}/mapping`],
  forecast: [scene.admin, `/integrations/${scene.integration}/import`],
  sync: [scene.admin, "sync"],
  history: [scene.admin, `/integrations/${scene.integration}/syncs`],
  checks: [scene.admin, "checks"],
  skipped: [scene.admin, `/integrations/${scene.integration}/skipped`],
  "skipped-one": [scene.admin, `/integrations/${scene.integration}/skipped/${scene.skipped}`],
  disconnect: [scene.admin, `/integrations/${scene.integration}/disconnect`],
  contacts: [scene.reader, "/contacts"],
  contact: [scene.reader, "contact"],
  companies: [scene.reader, "/companies"],
  company: [scene.reader, `/companies/${encodeURIComponent(scene.company)}`],
  conversation: [scene.reader, "conversation"],
  hostile: [scene.reader, "hostile"],
  "not-found": [scene.reader, "/contacts/00000000-0000-0000-0000-000000000000"],
};

/** Goes to a page by its own way. */
const visit = async (page, path) => {
  const go = (to) => page.goto(`${scene.base}${to}`);
  if (path === null) return page.goto(draftPage);
  if (path === "sync") return freshSync ? page.goto(freshSync) : go("/integrations");
  if (path === "checks") {
    await go(`/integrations/${scene.integration}/checks`);
    await page.click("text=Run the checks");
    return page.waitForSelector(".checks");
  }
  if (path === "contact" || path === "conversation") {
    await go(`/companies/${encodeURIComponent(scene.company)}`);
    await page.locator(".conversations h3 a").first().click();
    await page.waitForSelector(".thread");
    if (path === "conversation") return;
    await page.click(".page-head .sub a");
    return page.waitForSelector(".facts");
  }
  if (path === "hostile") {
    await go(`/contacts?search=${encodeURIComponent(scene.contact)}`);
    await page.click(".people a");
    await page.click(".conversations h3 a");
    return page.waitForSelector(".thread");
  }
  await go(path);
  if (path.endsWith("/import")) await page.waitForSelector("#forecast .figures, #forecast .callout");
};

const SHOTS = join(root, "docs/screenshots");
/** The pages whose pictures are kept in the repository; those of the others are for whoever looks after a run. */
const KEPT = ["connect", "settings", "mapping", "forecast", "sync", "health", "skipped-one", "contact", "company", "conversation"];
const shot = async (page, name) => {
  const committed = join(SHOTS, `${name}.png`);
  const isKept = KEPT.some((one) => ["desktop", "phone", "dark"].some((size) => name === `${one}-${size}`));
  const rewrite = isKept && (process.env.UPDATE_SCREENSHOTS || !existsSync(committed));
  const folder = rewrite ? SHOTS : join(root, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
};

let draftPage = null;
await test("a draft to look at", async () => {
  const page = await open(scene.admin);
  await page.click("text=Connect another workspace");
  await page.waitForSelector("#install");
  draftPage = page.url();
  await done(page);
});

for (const colorScheme of ["light", "dark"]) {
  for (const [name, [token, path]] of Object.entries(pages)) {
    await test(`axe finds nothing on ${name}, ${colorScheme}`, async () => {
      const page = await open(token, { colorScheme });
      await visit(page, path);
      if (colorScheme === "light") {
        await shot(page, `${name}-desktop`);
        await page.setViewportSize(SIZES.phone);
        await shot(page, `${name}-phone`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `the page is ${wide} px wider than a phone`);
        await page.setViewportSize(SIZES.desktop);
      } else if (["health", "conversation"].includes(name)) {
        await shot(page, `${name}-dark`);
      }
      await page.evaluate(axeSource);
      const { violations } = await page.evaluate(() => axe.run(document));
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
      assert.deepEqual(told, []);
      await done(page);
    });
  }
}

await test("disconnect takes the name, and says what became of it", async () => {
  const page = await open(scene.admin);
  await page.goto(`${freshPage}/disconnect`);
  await page.fill("#name", "Some Other Workspace");
  await page.click("button.danger");
  await page.waitForSelector("#name-error");
  await page.check("input[value=purge]");
  await page.fill("#name", "fresh workspace");
  await page.click("button.danger");
  await page.waitForSelector("text=Crisp is disconnected, and what was imported is being deleted.");
  await done(page);
});

await browser.close();
console.log(failures ? `${failures} failed` : "everything passed");
process.exit(failures ? 1 : 0);
