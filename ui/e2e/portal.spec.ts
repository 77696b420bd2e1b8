import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, expectComplaint, type Server, test } from "./server";

/** A page of somebody else's, at another origin, with the portal in a frame. */
async function around(use: (origin: string, show: (src: string) => void) => Promise<void>) {
  let src = "";
  const site = createServer((_, res) => {
    res.writeHead(200, { "Content-Type": "text/html" });
    res.end(
      `<!doctype html><title>theirs</title><link rel=icon href="data:,"><iframe title="portal" width=1200 height=800 src="${src}"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(site.address() as AddressInfo).port}`, (s) => (src = s));
  } finally {
    site.closeAllConnections();
    site.close();
  }
}

const link = (server: Server, account: string, role: string) =>
  server.api<{ url: string }>("POST", "/v1/portal-links", { account_id: account, role, embed: true });

for (const role of ["developer", "viewer"]) {
  test(`a ${role} has the page in a frame, limited to one account, in the operator's name`, async ({ page, server }) => {
    const account = `portal-${role}`;
    await server.api("POST", "/v1/accounts", { id: account, name: "Customer" });
    await server.api("PUT", `/v1/records/number/did-1?account_id=${account}`, { number: "+12025550100", description: "Theirs" });
    await server.api("PUT", "/v1/records/number/did-2?account_id=root", { number: "+12025550199", description: "Not theirs" });
    expectComplaint(/asked another/); // the frame's page is
    await around(async (origin, show) => {
      await server.api("PATCH", `/v1/accounts/${account}`, {
        portal: { name: "Nordtel Connect", accent: "#0f766e", frame_ancestors: [origin] },
      });
      show(new URL((await link(server, account, role)).url, server.url).href);
      await page.goto(origin);
      const frame = page.frameLocator("iframe");
      const nav = frame.getByRole("navigation", { name: "Main", exact: true });
      await expect(frame.getByText("Nordtel Connect").first()).toBeVisible();
      await expect(frame.locator("html")).toHaveCSS("--accent", /0f766e/i);
      for (const name of ["Sources", "Accounts", "Keys and users", "Audit"]) await expect(nav.getByRole("link", { name })).toHaveCount(0);
      await nav.getByRole("link", { name: "Directory" }).click();
      await expect(frame.getByRole("link", { name: "Theirs" })).toBeVisible();
      await expect(frame.getByText("Not theirs")).toHaveCount(0);
      await expect(frame.getByRole("button", { name: /^Add/ })).toHaveCount(role === "developer" ? 1 : 0);
    });
  });
}

test("a page that was not named has no portal in a frame", async ({ page, server }) => {
  await server.api("POST", "/v1/accounts", { id: "unnamed", portal: { frame_ancestors: ["https://portal.example.com"] } });
  expectComplaint(/asked another|frame-ancestors|Framing|refused to connect|ERR_BLOCKED/i);
  await around(async (origin, show) => {
    show(new URL((await link(server, "unnamed", "viewer")).url, server.url).href);
    await page.goto(origin);
    await expect(page.frameLocator("iframe").locator("#main")).toHaveCount(0);
  });
});
