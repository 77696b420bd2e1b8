import { defineConfig } from "@playwright/test";

// The tests drive a real Chromium (Debian's, or CHROMIUM=…) and the real program, built from this tree: see e2e/server.ts.
export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/build.ts",
  fullyParallel: false,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  // Where many share a machine a browser may stand still for longer than anything is waited for. What passes only the
  // second time is told as flaky.
  retries: process.env.CI ? 1 : 0,
  reporter: process.env.CI ? "line" : "list",
  use: {
    trace: "retain-on-failure",
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // As root, in a container, Chromium's own sandbox cannot be had. The rest is silence towards the network.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
});
