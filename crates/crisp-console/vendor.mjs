// Copies the pinned packages' built files into assets/vendor, so that `cargo build` works without npm.
//
//   npm ci && npm run vendor     after a change of package.json
//   npm ci && npm run check      exits 1 if a committed copy is not what the pinned package holds
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const copies = {
  "@picocss/pico/css/pico.min.css": "pico.min.css",
  "@picocss/pico/LICENSE.md": "pico.LICENSE.md",
  "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-5-latin.woff2",
  "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-5-latin-ext.woff2",
  "@fontsource-variable/inter/LICENSE": "inter.LICENSE",
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "htmx.org/dist/ext/hx-sse.min.js": "hx-sse.min.js",
  "htmx.org/LICENSE": "htmx.LICENSE",
};

let different = 0;
mkdirSync(join(here, "assets/vendor"), { recursive: true });
for (const [from, to] of Object.entries(copies)) {
  const source = join(here, "node_modules", from);
  const target = join(here, "assets/vendor", to);
  if (!process.argv.includes("--check")) {
    copyFileSync(source, target);
  } else if (!readFileSync(source).equals(readFileSync(target))) {
    console.error(`${to} is not what the pinned package holds`);
    different += 1;
  }
}
process.exit(different ? 1 : 0);
