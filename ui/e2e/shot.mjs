// node e2e/shot.mjs BASE KEY OUT PATH [WIDTH] [THEME]: a screenshot of a page, and what the browser complained of.
import { chromium } from "@playwright/test";
const [base, key, out, path = "/", width = "1280", theme = "light"] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: Number(width), height: Number(width) < 600 ? 844 : 900 }, colorScheme: theme });
page.on("console", (m) => ["error", "warning"].includes(m.type()) && console.log(m.type(), m.text()));
page.on("pageerror", (e) => console.log("page error", e.message));
if (key) {
  await page.goto(base + "/#key=" + key);
  await page.waitForSelector("#main");
}
await page.goto(base + path);
await page.waitForTimeout(Number(process.env.WAIT ?? 1500));
await page.screenshot({ path: out, fullPage: process.env.FULL === "1" });
await browser.close();
