import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test as base, expect, type Page } from "@playwright/test";
import axe from "axe-core";
import { type MailServer, startMailServer } from "./mailserver";

/** A server of the real program, with data of its own. */
export interface Server {
  url: string;
  key: string;
  /** Asks the API with the operator's key (or another), and returns what it answers; what is refused fails the test. */
  api<T = any>(method: string, path: string, body?: unknown, key?: string): Promise<T>;
}

interface Received {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A customer's program: it takes whatever comes to any path, and answers what it is told to. */
export interface Receiver {
  url: string;
  received: Received[];
  /** Answers requests to the path with this status from now on. */
  answer(path: string, status: number, body?: string): void;
}

async function startServer(args: string[] = []): Promise<Server & { stop(): Promise<void> }> {
  const bin = process.env.SWITCHHOOK_BIN;
  if (!bin) throw new Error("SWITCHHOOK_BIN is not set");
  const data = mkdtempSync(join(tmpdir(), "switchhook-e2e-"));
  const key = "sk_" + "e2e0".repeat(12);
  const child = spawn(bin, ["serve", "--listen", "127.0.0.1:0", "--data", data, "--allow-network", "127.0.0.0/8", ...args], {
    env: { ...process.env, SWITCHHOOK_ADMIN_KEY: key },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    void ended.then(() => reject(new Error("the server ended:\n" + said.join("\n"))));
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const ready = /msg=ready url=(\S+)/.exec(line);
      if (ready?.[1]) resolve(ready[1]);
    });
  });
  return {
    url,
    key,
    async api(method, path, body, as = key) {
      const answer = await fetch(url + path, {
        method,
        headers: {
          Authorization: "Bearer " + as,
          "Content-Type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : undefined;
    },
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(late);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function startReceiver(): Promise<Receiver & { stop(): Promise<void> }> {
  const received: Received[] = [];
  const answers = new Map<string, { status: number; body: string }>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (c: Buffer) => chunks.push(c));
    req.on("end", () => {
      const path = (req.url ?? "/").split("?")[0] ?? "/";
      received.push({ method: req.method ?? "", path: req.url ?? "", headers: req.headers, body: Buffer.concat(chunks).toString() });
      const { status, body } = answers.get(path) ?? { status: 200, body: "thanks" };
      res.writeHead(status, { "Content-Type": "text/plain" }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (path, status, body = "") => void answers.set(path, { status, body }),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Signs in with a key, as the demo's link does. */
export async function signIn(page: Page, server: Server, path = "/", key = server.key) {
  await page.goto(`${server.url}${path}#key=${key}`);
  await expect(page.locator("#main")).toBeVisible();
}

/** What axe calls serious or critical (WCAG 2.2 A and AA) on the page as it is now, in both themes. */
export async function expectAccessible(page: Page) {
  await page.emulateMedia({ reducedMotion: "reduce" }); // nothing is to be on its way from one colour to another
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    await page.evaluate(axe.source); // not a script of the page: its policy does not speak of it
    const found = await page.evaluate(async () => {
      const { violations } = await (window as any).axe.run(document, { resultTypes: ["violations"] });
      return violations
        .filter((v: any) => v.impact === "serious" || v.impact === "critical")
        .flatMap((v: any) => v.nodes.map((n: any) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
    });
    expect(found, `axe, ${theme}, ${page.url()}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** Nothing but code scrolls sideways, at the width of a phone, a tablet and a desk. With SHOTS=DIR the page is kept as pictures. */
export async function expectFits(page: Page, name: string) {
  for (const width of [390, 1024, 1600]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 1000 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, `${name} at ${width}: pixels beside the screen`).toBeLessThanOrEqual(0);
    if (process.env.SHOTS) {
      for (const theme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme: theme });
        await page.screenshot({ path: join(process.env.SHOTS, `${name}-${width}-${theme}.png`), animations: "disabled" });
      }
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

export const test = base.extend<{ calm: void }, { own: string; mails: boolean; server: Server; receiver: Receiver; mail: MailServer }>({
  // A test file that gives it a name gets a server for itself: files with other options have other workers.
  own: ["", { scope: "worker", option: true }],
  // Whether the server has a mail server.
  mails: [true, { scope: "worker", option: true }],
  server: [
    // oxlint-disable-next-line no-unused-vars -- Playwright reads which fixtures are asked for
    async ({ own: _, mails, mail }, use) => {
      const server = await startServer(mails ? ["--smtp-url", mail.url, "--mail-from", "Switchhook <no-reply@example.com>"] : []);
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  mail: [
    async ({}, use) => {
      const mail = await startMailServer();
      await use(mail);
      await mail.stop();
    },
    { scope: "worker" },
  ],
  receiver: [
    async ({}, use) => {
      const receiver = await startReceiver();
      await use(receiver);
      await receiver.stop();
    },
    { scope: "worker" },
  ],
  // Every test fails where the page complained, or asked another than its own server.
  calm: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on(
        "console",
        (m) => ["error", "warning"].includes(m.type()) && complaints.push(`${m.type()}: ${m.text()} (${m.location().url})`),
      );
      page.on("pageerror", (e) => complaints.push("page error: " + e.message));
      page.on("request", (r) => {
        const to = new URL(r.url());
        if (to.protocol.startsWith("http") && page.url().startsWith("http") && to.origin !== new URL(page.url()).origin)
          complaints.push("asked another: " + r.url());
      });
      await use();
      expect(complaints.filter((c) => ![...always, ...expected].some((e) => e.test(c)))).toEqual([]);
      expected = [];
    },
    { auto: true },
  ],
});

let expected: RegExp[] = [];

// The recorder of a test's trace asks every frame, and in a mail's nothing runs.
const always = [/Blocked script execution in '[^']*\/v1\/(previews|mails)\//];

/** Says that the browser will complain of something in this test: of an answer that the test wants. */
export const expectComplaint = (of: RegExp) => void expected.push(of);

export { expect };
