// From install to finished import, with and without scripts, and out again.
import assert from "node:assert/strict";
import { SIZES, audit, crisp, done, fitsAPhone, open, scene, shot, test } from "./harness.mjs";

/** Both widths of a step, and what axe says about each. */
const lookAt = async (page, name) => {
  await audit(page);
  await page.setViewportSize(SIZES.phone);
  await audit(page);
  await fitsAPhone(page);
  if (name) await shot(page, `${name}-phone`);
  await page.setViewportSize(SIZES.desktop);
  if (name) await shot(page, `${name}-desktop`);
};

/** How far the bars are, as their elements say it. */
const bars = (page) => page.$$eval(".bars progress", (all) => all.map(({ value, max, position }) => ({ value, max, position })));
/** Everything that the counts under the bars come to. */
const counted = (page) => page.$$eval(".bars .counts span", (all) => all.reduce((sum, { textContent }) => sum + Number(textContent.replace(/\D/g, "")), 0));
const messagesAreAt = (page, from, to) =>
  page.waitForFunction(([from, to]) => {
    const bar = [...document.querySelectorAll(".bars progress")].at(-1);
    return bar && bar.position > from && bar.position < to && document.querySelector(".bars li.now .name")?.textContent === "Messages";
  }, [from, to], { timeout: 60_000, polling: 30 });

const refusals = async (page, draft) => {
  const tried = async (typed) => {
    await page.fill("#website_id", typed);
    await page.click("form[action$='/website'] button");
    await page.waitForSelector("#refused");
    assert.equal(await page.inputValue("#website_id"), typed);
    return page.textContent("#refused");
  };
  assert.match(await tried("not an id"), /website id/i);
  await tried(`https://app.crisp.chat/website/${scene.stranger.toUpperCase()}/inbox/`);
  await page.waitForSelector("text=Install the plugin on that very website first");
  await tried(scene.unproven);
  await page.waitForSelector("details[open] code.copyable");
  await tried(scene.website);
  await audit(page);
  await page.goto(draft);
};

const editMapping = async (page) => {
  await page.waitForSelector(".previewed");
  assert.ok(await page.locator(".example:not(:empty)").count() > 3, "examples of the workspace's own fields");
  const before = await page.locator("#rows .mapping-row").count();
  await page.click(".add");
  assert.equal(await page.locator("#rows .mapping-row").count(), before + 1);
  const last = page.locator("#rows .mapping-row").last();
  await last.locator(".from input").fill("data.plan");
  assert.match(await last.locator(".cost").textContent(), /one request/);
  assert.ok(await last.locator(".cost").isVisible(), "custom data say what they cost");
  await last.locator(".from input").fill("person.geolocation.city");
  assert.equal(await last.locator(".human").textContent(), "City", "the words follow the field");
  assert.ok(!(await last.locator(".cost").isVisible()));
  await last.locator(".attribute input").fill("city");
  // It follows what is typed, without leaving the field.
  await page.waitForSelector("#preview dt:has-text('City')");
  await last.locator(".remove").click();
  await page.waitForFunction(() => ![...document.querySelectorAll("#preview dt")].some((term) => term.textContent === "City"));
  const blank = page.locator("#rows .mapping-row").last();
  await blank.locator(".from input").fill("person.geolocation.city");
  await blank.locator(".attribute input").fill("Not A Name");
  await page.click("button[value=save]");
  await page.waitForSelector(".mapping-row .wrong");
  assert.match(await page.textContent(".mapping-row .wrong"), /small letters/);
  await audit(page);
  await page.locator(".mapping-row.has-error .attribute input").fill("city");
  await page.click("button[value=save]");
};

const watch = async (page) => {
  await crisp("latency", 60);
  await page.click("#trigger");
  await page.waitForURL(/syncs\//);
  const sync = page.url();
  // The first bar that moves grows while one looks at it.
  await messagesAreAt(page, 0.02, 0.9);
  const early = (await bars(page)).at(-1);
  await page.waitForFunction((was) => [...document.querySelectorAll(".bars progress")].at(-1).value > was, early.value);
  const before = await counted(page);
  await page.reload();
  await page.waitForSelector(".bars progress");
  assert.ok(await counted(page) >= before, "a reload loses nothing");
  await messagesAreAt(page, 0.5, 0.97);
  assert.match(await page.textContent(".progress-card .figures"), /Time left(about|nearly)/);
  assert.equal(await page.textContent(".steps [aria-current]"), "First import");
  await lookAt(page, "running");
  await crisp("latency", 5);
  await page.waitForFunction(() => document.querySelector("#sync-state")?.textContent === "Succeeded", null, { timeout: 90_000 });
  assert.match(await page.textContent("h2.now"), /^Imported 240 people, [\d,]+ conversations and [\d,]+ messages in /);
  // Without a reload, the head and the actions are those of a sync that is done.
  await page.waitForSelector(".tabs [aria-current]");
  assert.equal(await page.locator("#cancel").count(), 0);
  return sync;
};

export const wizard = async () => {
  const made = { draft: null, fresh: null, sync: null };
  await test("the wizard, from install to finished import, live and after a reload", async () => {
    const page = await open(scene.admin);
    await page.click("text=Connect another workspace");
    await page.waitForSelector("text=Install the plugin in Crisp");
    made.fresh = page.url();
    await lookAt(page, "connect");
    await refusals(page, made.fresh);

    // Install in another tab; this one notices by itself.
    const [popup] = await Promise.all([page.context().waitForEvent("page"), page.click("#install")]);
    await popup.waitForSelector("select[name=website_id]");
    await popup.selectOption("select[name=website_id]", scene.fresh);
    await popup.click("button");
    await popup.waitForURL(/integrations\//);
    await popup.waitForSelector("text=Fresh Workspace is connected");
    await popup.close();
    await page.waitForSelector("text=Fresh Workspace is connected");
    await lookAt(page);
    await page.click("main [role=button]:has-text('Continue')");

    // Settings, with a mistake first.
    await page.check("input[name=backfill][value=custom]", { force: true });
    await page.fill("input[name=backfill_days]", "9999999");
    await page.click("text=Save and continue");
    await page.waitForSelector("#backfill-error");
    await lookAt(page);
    await page.check("input[name=backfill][value='']", { force: true });
    await page.click("text=Save and continue");
    await page.waitForSelector("#rows");
    await editMapping(page);

    await page.waitForSelector("#forecast .figures");
    await lookAt(page, "forecast");
    made.sync = await watch(page);
    await page.goto(made.fresh);
    await page.waitForSelector("text=Last synced");
    await done(page);
  });

  await test("the wizard without scripts, a mistake included", async () => {
    const page = await open(scene.admin, { javaScriptEnabled: false });
    await page.click("text=Connect another workspace");
    const link = await page.getAttribute("#install", "href");
    const here = page.url();
    await page.fill("#website_id", "nonsense");
    await page.click("form[action$='/website'] button");
    await page.waitForSelector("#refused");
    await page.goto(link);
    await page.selectOption("select[name=website_id]", scene.plain);
    await page.click("button");
    await page.waitForURL(here);
    await page.click("main [role=button]:has-text('Continue')");
    await page.click("text=Save and continue");
    const rows = await page.locator("#rows .mapping-row").count();
    await page.locator("#rows .from input").last().fill("person.geolocation.city");
    await page.locator("#rows .attribute input").last().fill("No Name");
    await page.click("button[value=save]");
    await page.waitForSelector(".has-error .wrong");
    await page.locator(".has-error .attribute input").fill("city");
    await page.click("button[value=add]");
    assert.equal(await page.locator("#rows .mapping-row").count(), rows + 1, "room for more");
    await page.click("button[value=preview]");
    await page.waitForSelector("#preview dt:has-text('City')");
    await page.click("button[value=save]");
    await page.click("text=Work out a forecast");
    await page.waitForSelector("#forecast .figures");
    await page.click("#trigger");
    await page.waitForURL(/syncs\//);
    // The page looks again by itself.
    await page.waitForSelector("#sync-state:has-text('Succeeded')", { timeout: 60_000 });

    // And out again.
    await page.click("text=Overview");
    await page.click(".tabs >> text=Import settings");
    await page.click("text=Disconnect…");
    await page.fill("#name", "plain workspace");
    await page.click("button.danger");
    await page.waitForSelector("text=Disconnected. What was imported is still here");
    await done(page);
  });

  await test("a draft to look at", async () => {
    const page = await open(scene.admin);
    await page.click("text=Connect another workspace");
    await page.waitForSelector("#install");
    made.draft = page.url();
    await done(page);
  });
  return made;
};

export const waiting = async (made) => {
  await test("a sync that waits for requests says so, and can be cancelled", async () => {
    const page = await open(scene.admin);
    await crisp("quota", 3);
    await page.goto(made.fresh);
    await page.click("text=Sync everything");
    await page.waitForFunction(() => document.querySelector("#sync-state")?.textContent === "Waiting for quota", null, { timeout: 30_000 });
    assert.match(await page.textContent(".progress-card"), /goes on by itself/);
    await lookAt(page, "waiting");
    await page.click("#cancel");
    await page.waitForSelector("#again");
    await lookAt(page, "cancelled");
    await crisp("quota", 0);
    await done(page);
  });
};

export const disconnecting = async (made) => {
  await test("disconnect takes the name, and says what became of it", async () => {
    const page = await open(scene.admin);
    await page.goto(`${made.fresh}/settings`);
    await page.click("text=Disconnect…");
    await page.fill("#name", "Some Other Workspace");
    await page.click("button.danger");
    await page.waitForSelector("#name-error");
    await page.check("input[value=purge]");
    await page.fill("#name", "fresh workspace");
    await page.click("button.danger");
    await page.waitForSelector("text=Crisp is disconnected, and what was imported is being deleted.");
    // It notices by itself that the purge is done, and keeps its name.
    await page.waitForSelector("text=Disconnected, and what was imported is deleted.", { timeout: 30_000 });
    await page.waitForSelector("h1:has-text('Fresh Workspace')");
    await audit(page);
    await done(page);
  });
};
