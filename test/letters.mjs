// node test/letters.mjs PAGES [PICTURES]: looks at each page of a folder (*.html) in Chromium, as phones and desktops show
// a mail, light and dark: nothing is wider than the screen, all text can be read, nothing is loaded from anywhere. Says
// what is wrong, a line each. With a second folder it puts pictures there. The tests of internal/mail run it.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const { chromium } = createRequire(new URL("../ui/package.json", import.meta.url))("@playwright/test");
const [pages, pictures] = process.argv.slice(2);
if (pictures) await mkdir(pictures, { recursive: true });

// Runs in the page: what of it is too wide, and what text has too little contrast (WCAG 2.2, 1.4.3).
function look() {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) wrong.push(`is ${root.scrollWidth} pixels wide`);
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const box = n.parentElement.getBoundingClientRect();
    if (n.data.trim() === "" || box.width === 0 || box.height === 0) continue;
    if (box.right > innerWidth + 1) wrong.push(`"${n.data.trim().slice(0, 40)}" ends at ${Math.round(box.right)}`);
    const [a, b] = [luminance(parse(getComputedStyle(n.parentElement).color)), luminance(behind(n.parentElement))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) wrong.push(`"${n.data.trim().slice(0, 40)}" has a contrast of ${contrast.toFixed(2)}`);
  }
  return wrong;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const files = (await readdir(pages)).filter((f) => f.endsWith(".html")).sort();
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 800]) {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      let at = "";
      const say = (what) => console.log(`${at}: ${what}`);
      await page.route("**", (route) => {
        if (route.request().url().startsWith("cid:")) return route.abort(); // the logo comes with the mail
        say("asks for " + route.request().url());
        return route.abort();
      });
      page.on("dialog", (d) => (say("runs a script"), d.dismiss()));
      for (const f of files) {
        at = `${basename(f, ".html")} at ${width}, ${colorScheme}`;
        await page.setContent(await readFile(join(pages, f), "utf8"));
        for (const wrong of await page.evaluate(look)) say(wrong);
        if (pictures) await page.screenshot({ path: join(pictures, `${basename(f, ".html")}-${width}-${colorScheme}.png`), fullPage: true });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
}
