// Threads: hostile text, and days as the viewer has them.
import assert from "node:assert/strict";
import { done, open, scene, test } from "./harness.mjs";

export const reading = async () => {
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
    assert.equal(await page.locator(".body:has-text('storage.crisp.chat')").count(), 0, "an address that a link has is not told twice");
    assert.match(await page.textContent(".message.note"), /Internal note/);
    assert.equal(await page.locator(".message.inbound").count() >= 2, true);
    const left = await page.locator(".message.inbound").first().boundingBox();
    const right = await page.locator(".message.outbound").first().boundingBox();
    assert.ok(left.x < right.x, "inbound stands left of outbound");
    assert.match(await page.textContent("[data-zone]"), /Vienna/);
    await done(page);
  });

  await test("a day begins at the viewer's midnight", async () => {
    const seen = new Set();
    for (const timezoneId of ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
      const page = await open(scene.reader, { timezoneId });
      await page.goto(`${scene.base}/companies/${encodeURIComponent(scene.company)}`);
      const counts = await page.$$eval(".conversations li", (all) => all.map((one) => Number(/(\d+) messages?/.exec(one.textContent)?.[1] ?? 0)));
      await page.locator(".conversations h3 a").nth(counts.indexOf(Math.max(...counts))).click();
      await page.waitForSelector(".thread .day");
      const days = await page.evaluate(() => {
        const day = new Intl.DateTimeFormat("en-GB", { year: "numeric", month: "long", day: "numeric" });
        const above = [];
        let shown = "";
        for (const line of document.querySelectorAll(".thread > li")) {
          if (line.matches(".day")) shown = line.textContent.trim();
          else above.push([shown, day.format(new Date(line.querySelector(".sent time").dateTime)), line.querySelector(".sent time").textContent]);
        }
        return above;
      });
      for (const [shown, own, clock] of days) {
        assert.equal(shown, own, `${timezoneId}: the day above a message is its own`);
        assert.match(clock, /^\d\d:\d\d$/);
      }
      seen.add(JSON.stringify(days.map(([shown]) => shown)));
      await done(page);
    }
    assert.ok(seen.size > 1, "the same messages fall on other days elsewhere");
  });

  await test("words stay English where the browser speaks another language", async () => {
    const page = await open(scene.reader, { locale: "de-AT" });
    await page.goto(`${scene.base}/companies/${encodeURIComponent(scene.company)}`);
    await page.waitForSelector(".conversations time");
    const times = await page.$$eval(".conversations time", (all) => all.map(({ textContent }) => textContent).join(" "));
    assert.doesNotMatch(times, /\b(Okt|Dez|vor|Stunden|Uhr)\b/);
    await done(page);
  });
};
