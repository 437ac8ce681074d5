// Who gets in, who sees what, and what becomes of a page whose session ends.
import assert from "node:assert/strict";
import { audit, done, open, scene, signIn, test } from "./harness.mjs";

/** Takes the session away as time does. */
const expire = async (page) => {
  const { hostname } = new URL(scene.base);
  await page.context().addCookies([{ name: "crisp_session", value: "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", domain: hostname, path: "/" }]);
};

export const sessions = async () => {
  await test("a wrong token is refused where it was typed, a right one lets in, and out again", async () => {
    const page = await open();
    await page.goto(`${scene.base}/contacts`);
    await signIn(page, "not a token");
    await page.waitForSelector("text=was not accepted");
    await signIn(page, scene.admin);
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
    assert.equal(await page.locator("nav >> text=Contacts").count(), 1, "the way to the rest stays");
    await audit(page);
    await done(page);
  });

  await test("a page that waits asks for a new session when its own ends, and is gone back to", async () => {
    const page = await open(scene.admin);
    await page.click("text=Connect another workspace");
    await page.waitForSelector("#install");
    const draft = page.url();
    await expire(page);
    await page.waitForSelector("h1:has-text('Your session has ended')");
    assert.equal(await page.locator("#install").count(), 0, "the whole page asks, and no part of it");
    assert.equal(page.url(), draft);
    await audit(page);
    await signIn(page, scene.admin);
    await page.waitForSelector("#install");
    assert.equal(page.url(), draft);
    await page.click("text=Discard this connection");
    await page.waitForSelector("text=is gone");
    await done(page);
  });

  await test("a form that is sent after the session has ended leads back to its page", async () => {
    const page = await open(scene.admin);
    await page.goto(`${scene.base}/integrations/${scene.integration}/settings`);
    await expire(page);
    await page.click("main button[type=submit]");
    await page.waitForSelector("h1:has-text('Your session has ended')");
    await signIn(page, scene.admin);
    await page.waitForSelector("h2:has-text('How far back')");
    await done(page);
  });

  await test("the keyboard skips what is the same on every page", async () => {
    const page = await open(scene.reader);
    await page.waitForSelector("h1:has-text('Contacts')");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.closest("main")?.id), "main");
    await done(page);
  });
};
