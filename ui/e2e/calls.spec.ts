import { scenarios, send } from "./calls.data";
import { expect, expectAccessible, expectFits, signIn, test } from "./server";

const account = "root";

test("support finds why a call's delivery failed, and sends it again", async ({ page, server, receiver }) => {
  test.slow();
  receiver.answer("/crm", 500, "database is locked");
  const hook = (name: string, path: string, more = {}) =>
    server.api("POST", "/v1/webhooks", { name, url: receiver.url + path, events: ["call.answered"], retry: { policy: "none" }, ...more });
  await hook("CRM pop-up", "/crm");
  await hook("Wallboard", "/board", { events: ["call.*", "extension.*"], max_age: "24h" });
  await hook("Outbound only", "/out", { filter: 'data.call.direction == "outbound"' });
  await send(server.url, server.key, scenarios.simple({ id: "call-crm", account }).events);
  await expect
    .poll(async () => (await server.api("GET", "/v1/deliveries?state=failed")).items.length, { message: "the delivery has failed" })
    .toBe(1);

  // By the number as the customer says it.
  await signIn(page, server, "/calls");
  await page.getByRole("searchbox", { name: "A number, an extension or a call id" }).fill("(415) 555-0123");
  await expect(page.getByText("Looking for the number +1 415 555 0123")).toBeVisible();
  const row = page.getByRole("table", { name: "Calls" }).getByRole("row").nth(1);
  await expect(row).toContainText("1 failed");
  await expect(row).toContainText("CRM pop-up");
  await expectAccessible(page);
  await expectFits(page, "calls");
  await row.getByRole("link").first().click();

  // The page says what happened, and why.
  await expect(
    page.getByText(
      /Anna Bell \(\+1 415 555 0123\) called Sales line .*answered by Bob Fischer \(ext\. 102\) after 12 s; on hold 0:24; talked 3:06; hung up by the caller\./,
    ),
  ).toBeVisible();
  const told = page.getByRole("listitem").filter({ hasText: "CRM pop-up" }).first();
  await expect(told).toContainText("The receiver answered 500 once; attempt 1 was the last one.");
  await page.getByRole("button", { name: "Why not 1 other webhook?" }).click();
  await expect(page.getByText("Its filter is not true of this event.")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "call");

  // Only the trouble; the attempt beside the page, with what came back.
  await page.getByRole("button", { name: "Only trouble (1)" }).click();
  const events = page.getByRole("list", { name: "Events of the call, the first first" });
  await expect(events.getByRole("button", { name: /^#1/ })).toHaveCount(1);
  await events.getByRole("button", { name: /^#1/ }).click();
  const sheet = page.getByRole("dialog");
  await expect(sheet.getByRole("region", { name: "Response", exact: true })).toContainText("database is locked");
  await expect(page).toHaveURL(/attempt=att_/);
  await page.keyboard.press("Escape");
  await expect(sheet).toHaveCount(0);

  // Sent again, it arrives, and the page says so.
  receiver.answer("/crm", 200);
  await events.getByRole("button", { name: "Retry now" }).click();
  await expect(page.getByText("No trouble here")).toBeVisible();
  await page.getByRole("button", { name: "Show everything" }).click();
  await expect(page.getByText("2 webhooks, and all of it went well.")).toBeVisible();
  expect(receiver.received.filter((r) => r.path === "/crm")).toHaveLength(2);
});

test("an open call grows as it happens", async ({ page, server }) => {
  const { events, say, of, ext } = scenarios.open({ id: "call-live", account });
  await send(server.url, server.key, events);
  await signIn(page, server, "/calls/call-live");
  await expect(page.getByText("The call goes on", { exact: true })).toBeVisible();
  await expect(page.getByText("Live: it grows as events come.")).toBeVisible();
  const already = events.length;
  say(3, "call.held", of());
  say(2, "call.unheld", of());
  say(9, "extension.completed", ext({ id: "ext-102", number: "102", name: "Bob Fischer" }));
  say(0, "call.hungup", of({ released_by: "caller", hangup_reason: "normal", hangup_cause: "NORMAL_CLEARING", q850: 16 }));
  await send(server.url, server.key, events.slice(already, already + 1));
  const list = page.getByRole("list", { name: "Events of the call, the first first" });
  await expect(list.getByRole("button", { name: /Put on hold/ })).toBeVisible();
  await send(server.url, server.key, events.slice(already + 1));
  await expect(list.getByRole("button", { name: /The call has ended: Anna Bell hung up/ })).toBeVisible();
  await expect(page.getByText("The call goes on", { exact: true })).toHaveCount(0);
});

test("the call's page by keyboard, and its link for a colleague", async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await send(server.url, server.key, scenarios.group({ id: "call-keys", account }).events);
  await signIn(page, server, "/calls/call-keys");
  const first = page.getByRole("button", { name: /Anna Bell .* calls/ });
  await first.focus();
  await page.keyboard.press("Enter");
  await expect(first).toHaveAttribute("aria-expanded", "true");
  await expect(page).toHaveURL(/event=evt_/);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await expect(first).toHaveAttribute("aria-expanded", "false");
  await page.getByRole("button", { name: "Copy link" }).click();
  await expect(page.getByText("Link copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("/calls/call-keys?of=root");
});

for (const kind of ["missed", "queue", "blind", "attended", "conference", "internal", "long", "many", "rtl", "longnames"] as const) {
  test(`a call of the kind ${kind} is told and fits`, async ({ page, server }) => {
    await send(server.url, server.key, scenarios[kind]({ id: "kind-" + kind, account }).events);
    await signIn(page, server, "/calls/kind-" + kind);
    await expect(page.getByRole("list", { name: "Events of the call, the first first" }).getByRole("listitem").first()).toBeVisible();
    await expectFits(page, "call-" + kind);
    if (kind === "queue") await expect(page.getByText(/waited in queue “Support” 42 s; answered by Dmitri Ivanov/)).toBeVisible();
    if (kind === "long") await expect(page.getByText(/talked 2:05:12/)).toBeVisible();
    if (kind === "blind") await expect(page.getByText(/transferred to Carla Gómez \(ext\. 103\)/)).toBeVisible();
    if (kind === "rtl") await expectAccessible(page);
  });
}

test("events, deliveries and attempts have their pages", async ({ page, server, receiver }) => {
  test.slow();
  await server.api("POST", "/v1/webhooks", { name: "Pages", url: receiver.url + "/pages", events: ["custom.page"] });
  await server.api("POST", "/v1/events", { id: "page-1", type: "custom.page", data: { n: 1 } });
  await expect.poll(async () => (await server.api("GET", "/v1/attempts?event_id=page-1")).items.length).toBe(1);
  await signIn(page, server, "/events?type=custom.*");
  await page.getByRole("table", { name: "Events" }).getByRole("link").first().click();
  await expect(page.getByText("Who got it")).toBeVisible();
  await expect(page.getByRole("button", { name: /^#1/ })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "event");
  await page.getByRole("link", { name: "Delivery", exact: true }).click();
  await expect(page.getByText("The receiver took it.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Request" })).toContainText("/pages");
  await expectAccessible(page);
  await expectFits(page, "delivery");
  await page.goto(server.url + "/deliveries?view=attempts");
  await page.getByRole("table", { name: "Attempts" }).getByRole("link").first().click();
  await page.getByRole("dialog").getByRole("link", { name: "Open as a page" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Attempt 1 to/ })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "attempt");
});
