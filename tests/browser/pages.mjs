// Every page, light and dark, wide and narrow: axe finds nothing, and there is a picture of it.
import { SIZES, audit, done, fitsAPhone, open, scene, shot, test } from "./harness.mjs";

const own = `/integrations/${scene.integration}`;
const pages = {
  "sign-in": [null, "/"],
  integrations: [scene.admin, "/integrations"],
  draft: [scene.admin, "draft"],
  health: [scene.admin, own],
  settings: [scene.admin, `${own}/settings`],
  mapping: [scene.admin, `${own}/mapping`],
  import: [scene.admin, `${own}/import`],
  sync: [scene.admin, "sync"],
  history: [scene.admin, `${own}/syncs`],
  checks: [scene.admin, "checks"],
  skipped: [scene.admin, `${own}/skipped`],
  "skipped-one": [scene.admin, `${own}/skipped/${scene.skipped}`],
  disconnect: [scene.admin, `${own}/disconnect`],
  contacts: [scene.reader, "/contacts"],
  contact: [scene.reader, "contact"],
  companies: [scene.reader, "/companies"],
  company: [scene.reader, `/companies/${encodeURIComponent(scene.company)}`],
  conversation: [scene.reader, "conversation"],
  hostile: [scene.reader, "hostile"],
  "not-found": [scene.reader, "/contacts/00000000-0000-0000-0000-000000000000"],
  "no-such-page": [scene.admin, "/no/such/page"],
  forbidden: [scene.reader, "/integrations"],
  "came-back": [scene.admin, "/crisp/callback?payload=used&website_id=x&token=y"],
};

/** Goes to a page by its own way. */
const visit = async (page, path, made) => {
  const go = (to) => page.goto(`${scene.base}${to}`);
  if (path === "draft") return page.goto(made.draft);
  if (path === "sync") return made.sync ? page.goto(made.sync) : go("/integrations");
  if (path === "checks") {
    await go(`${own}/checks`);
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

export const everyPage = async (made) => {
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, [token, path]] of Object.entries(pages)) {
      await test(`axe finds nothing on ${name}, ${colorScheme}`, async () => {
        const page = await open(token, { colorScheme });
        await visit(page, path, made);
        await page.evaluate(() => document.fonts.ready);
        if (colorScheme === "light") {
          await shot(page, `${name}-desktop`);
        } else if (["health", "conversation"].includes(name)) {
          await shot(page, `${name}-dark`);
        } else if (["mapping", "settings", "sync", "company"].includes(name)) {
          await shot(page, `${name}-dark-look`);
        }
        await audit(page);
        await page.setViewportSize(SIZES.phone);
        if (colorScheme === "light") await shot(page, `${name}-phone`);
        await fitsAPhone(page);
        await audit(page);
        await done(page);
      });
    }
  }
};
