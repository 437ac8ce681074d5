// The console in Chromium: node run.mjs '<scene as JSON>' (tests/scenarios/browser.rs serves the console and makes the
// scene). Screenshots go to docs/screenshots where they are missing or UPDATE_SCREENSHOTS is set, else to target/.
import { browser, outcome } from "./harness.mjs";
import { sessions } from "./sessions.mjs";
import { disconnecting, waiting, wizard } from "./wizard.mjs";
import { reading } from "./reading.mjs";
import { everyPage } from "./pages.mjs";

await sessions();
const made = await wizard();
await reading();
await everyPage(made);
await waiting(made);
await disconnecting(made);

await browser.close();
console.log(outcome.failures ? `${outcome.failures} failed` : "everything passed");
process.exit(outcome.failures ? 1 : 0);
