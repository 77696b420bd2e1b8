import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectComplaint, expectFits, type Receiver, type Server, signIn, test } from "./server";

// Chromium tells of each refusal that it loads; these are what the tests want.
const refusal = /status of (422|412|404)/;

const trigger = (server: Server, id: string, type = "call.created") =>
  server.api("POST", "/v1/events", { type, data: { call: { id, direction: "inbound", from: { address: "+12025550143" } } } });

const make = (server: Server, receiver: Receiver, path: string, more: object = {}) =>
  server.api("POST", "/v1/webhooks", { url: receiver.url + path, events: ["call.*"], name: "hook " + path, ...more });

const standing = (page: Page) => page.getByRole("region", { name: "How it stands" });

test("a webhook is created with the mouse, and what arrives is what the preview showed", async ({ page, server, receiver }) => {
  test.slow();
  expectComplaint(refusal);
  await signIn(page, server, "/webhooks");
  await page.getByRole("link", { name: "New webhook" }).first().click();
  await page.getByLabel("URL", { exact: true }).fill(receiver.url + "/mouse");
  await page.getByLabel("Name", { exact: false }).first().fill("By mouse");
  await page.getByRole("searchbox", { name: /Search events/ }).fill("hungup");
  await page.getByRole("checkbox", { name: /^call\.hungup/ }).click();
  await expect(page.getByText("1 type chosen")).toBeVisible();
  await page.getByRole("radio", { name: /Kazoo/ }).click();
  const preview = page.getByRole("region", { name: "What it sends" });
  await expect(preview.getByText("channel_destroy").first()).toBeVisible();
  await expect(preview.getByText(receiver.url + "/mouse")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Create webhook" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "By mouse" })).toBeVisible();
  await expect(page.getByLabel("Signing secret")).toContainText(/^whsec_/);
  await page.getByRole("button", { name: "Send a test now" }).click();
  await expect(page.getByText("The receiver took it")).toBeVisible();
  expect(receiver.received.find((r) => r.path === "/mouse")?.body).toContain("hook_event=channel_destroy");
  for (const language of ["Go", "Node", "Python", "PHP", "Java", "C#"]) {
    await page.getByRole("group", { name: "Language" }).getByRole("button", { name: language, exact: true }).click();
    await expect(page.getByRole("region", { name: `${language} code` })).toContainText(/webhook-signature/);
  }
  await expectAccessible(page);
  await expectFits(page, "webhook-created");
  await page.getByRole("link", { name: "Open the webhook" }).click();
  await expect(page.getByRole("tab", { name: "Overview" })).toBeVisible();
  await expect(page.getByText(/whsec_/)).toHaveCount(0);
});

test("a webhook is created by keyboard alone", async ({ page, server, receiver }) => {
  expectComplaint(refusal);
  await signIn(page, server, "/webhooks/new");
  await expect(page.getByLabel("URL", { exact: true })).toBeFocused();
  await page.keyboard.type(receiver.url + "/keys");
  const all = page.getByRole("button", { name: "All events" });
  for (let i = 0; i < 30 && !(await all.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(all).toHaveAttribute("aria-pressed", "true");
  const create = page.getByRole("button", { name: "Create webhook" });
  for (let i = 0; i < 60 && !(await create.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Signing secret")).toContainText(/^whsec_/);
  const { items } = await server.api("GET", "/v1/webhooks?limit=200");
  expect(items.find((w: any) => w.url.endsWith("/keys"))?.events).toEqual(["*"]);
});

test("what is wrong is said at its field, which gets the focus", async ({ page, server }) => {
  expectComplaint(refusal);
  await signIn(page, server, "/webhooks/new");
  await page.getByRole("button", { name: "Create webhook" }).click();
  await expect(page.getByText(/^is required: where the requests go/)).toBeVisible();
  await expect(page.getByText(/^is required: which events/)).toBeVisible();
  await expect(page.getByLabel("URL", { exact: true })).toBeFocused();
  await expect(page.getByRole("alert").filter({ hasText: "2 fields are not right yet." })).toBeVisible();
  await page.getByLabel("URL", { exact: true }).fill("ftp://example.com");
  await page.getByLabel(/^Filter/).fill("call.direction");
  await expect(page.getByText(/expected an http or https URL/).first()).toBeVisible();
  await expect(page.getByText(/did you mean data\.call\?/).first()).toBeVisible();
  // A setting among the advanced ones opens them.
  await page.getByLabel("URL", { exact: true }).fill("http://127.0.0.1:9/x");
  await page.getByLabel(/^Filter/).fill('data.call.direction == "inbound"');
  await page.getByRole("checkbox", { name: "All of Calls" }).click();
  await expect(page.getByText(/Lets through the samples of \d+ of 15 types/)).toBeVisible();
  await page.getByRole("heading", { name: "Advanced" }).click();
  await page.getByLabel(/^Timeout/).fill("2h");
  await page.getByRole("heading", { name: "Advanced" }).click();
  await page.getByRole("button", { name: "Create webhook" }).click();
  await expect(page.getByLabel(/^Timeout/)).toBeFocused();
  await expectAccessible(page);
  await expectFits(page, "webhook-new");
});

test("an address fills the form in", async ({ page, server }) => {
  expectComplaint(refusal);
  await signIn(page, server, "/webhooks/new?url=https://example.com/hook&events=voicemail.*&scope_numbers=%2B12025550100");
  await expect(page.getByLabel("URL", { exact: true })).toHaveValue("https://example.com/hook");
  await expect(page.getByRole("checkbox", { name: "All of Voicemail" })).toBeChecked();
  await expect(page.getByRole("button", { name: "Remove +12025550100" })).toBeVisible();
});

test("a webhook is tested, paused, resumed and deleted", async ({ page, server, receiver }) => {
  test.slow();
  const hook = await make(server, receiver, "/life");
  await signIn(page, server, "/webhooks/" + hook.id);
  receiver.answer("/life", 503, "busy just now");
  await page.getByRole("button", { name: "Test now" }).click();
  const dialog = page.getByRole("dialog", { name: "Send a test" });
  await dialog.getByRole("button", { name: "Send a test now" }).click();
  await expect(dialog.getByText("The receiver did not take it")).toBeVisible();
  await expect(dialog.getByText("503").first()).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Pause" }).click();
  await expect(standing(page)).toContainText("Paused: nothing is sent");
  receiver.answer("/life", 200);
  await trigger(server, "life-1");
  await expect(standing(page)).toContainText("1 delivery waits");
  await standing(page).getByRole("button", { name: "Resume" }).click();
  await expect.poll(() => receiver.received.some((r) => r.path === "/life" && r.body.includes("life-1"))).toBe(true);
  await expect(standing(page)).toContainText("was taken");
  await expectAccessible(page);
  await expectFits(page, "webhook");
  for (const tab of ["Deliveries", "Settings", "Secrets", "Replay", "Verify"]) {
    await page.getByRole("tab", { name: tab }).click();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await expectAccessible(page);
    await expectFits(page, "webhook-" + tab.toLowerCase());
  }
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete the webhook" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
  await expect(page.getByText("hook /life")).toHaveCount(0);
});

test("a webhook that fails says why, when it is tried next, and comes first", async ({ page, server, receiver }) => {
  receiver.answer("/ill", 500, "no");
  const hook = await make(server, receiver, "/ill", { name: "The ill one" });
  for (let i = 0; i < 6; i++) await trigger(server, "ill-" + i);
  await signIn(page, server, "/webhooks");
  const first = page.getByRole("table", { name: "Webhooks" }).getByRole("row").nth(1);
  await expect(first).toContainText("The ill one", { timeout: 20_000 });
  await expect(first).toContainText("failing");
  await first.getByRole("link").click();
  await expect(standing(page)).toContainText(/Failing since .*500/);
  await server.api("DELETE", "/v1/webhooks/" + hook.id);
});

test("what is missing is counted, replayed with progress, and arrives", async ({ page, server, receiver }) => {
  test.slow();
  for (let i = 0; i < 5; i++) await trigger(server, "before-" + i);
  const hook = await make(server, receiver, "/replay");
  await signIn(page, server, `/webhooks/${hook.id}?tab=replay`);
  await expect(page.getByText("Nothing to replay: nothing has failed in this time.")).toBeVisible();
  await page.getByRole("radio", { name: /What is missing/ }).click();
  await page.getByRole("button", { name: "The oldest kept" }).click();
  const begin = page.getByRole("button", { name: /^Replay (at least )?\d+ deliveries$/ });
  await expect(begin).toBeEnabled();
  const n = Number(/\d+/.exec((await begin.textContent()) ?? "")?.[0]);
  expect(n).toBeGreaterThanOrEqual(5);
  // Paused, it waits: so its progress can be seen, and cancelled.
  await server.api("POST", `/v1/webhooks/${hook.id}/pause`);
  await begin.click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Begin the replay" }).click();
  const past = page.getByRole("table", { name: "Past replays" });
  const progress = page.getByRole("progressbar", { name: "Progress of the replay" });
  await expect(progress.or(past)).toBeVisible();
  await server.api("POST", `/v1/webhooks/${hook.id}/resume`);
  await expect(past).toContainText("done", { timeout: 30_000 });
  await expect.poll(() => receiver.received.filter((r) => r.path === "/replay" && r.headers["webhook-replay"] === "true").length).toBe(n);
  await expectAccessible(page);
});

test("a secret is rotated, shown once, and the old one goes on beside it", async ({ page, server, receiver }) => {
  const hook = await make(server, receiver, "/secret");
  await signIn(page, server, `/webhooks/${hook.id}?tab=secrets`);
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Rotate" }).click();
  const dialog = page.getByRole("dialog", { name: "The new secret" });
  const secret = await dialog.getByLabel("Signing secret").textContent();
  expect(secret).toMatch(/^whsec_/);
  expect(secret).not.toBe(hook.secret);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "I have it" }).click();
  await expect(page.getByText("A rotation is under way")).toBeVisible();
  await expect(page.getByText(secret ?? "")).toHaveCount(0);
  await expect(page.getByRole("table", { name: "Signing secrets" }).getByRole("row")).toHaveCount(3);
});

test("nobody overwrites what another changed meanwhile", async ({ page, server, receiver }) => {
  test.slow();
  expectComplaint(refusal);
  const hook = await make(server, receiver, "/clash", { name: "Old name" });
  await signIn(page, server, `/webhooks/${hook.id}/edit`);
  await page.getByLabel("Name", { exact: false }).first().fill("My name");
  await server.api("PATCH", "/v1/webhooks/" + hook.id, { timeout: "7s" });
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("heading", { name: "Somebody else changed this webhook meanwhile" })).toBeVisible();
  await expect(page.getByLabel("Their changes")).toContainText("7s");
  await page.getByRole("button", { name: "Take theirs, and keep my changes on top" }).click();
  await expect(page.getByLabel("Name", { exact: false }).first()).toHaveValue("My name");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "My name" })).toBeVisible();
  const now = await server.api("GET", "/v1/webhooks/" + hook.id);
  expect([now.name, now.timeout]).toEqual(["My name", "7s"]);
});

test("many are paused and resumed at once, and filters find them", async ({ page, server, receiver }) => {
  await make(server, receiver, "/many-a", { name: "Many A " + "very long name ".repeat(11) });
  await make(server, receiver, "/many-b", { name: "رنين الهاتف many", dialect: "voipbin" });
  await signIn(page, server, "/webhooks?q=many");
  const rows = page.getByRole("table", { name: "Webhooks" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await page.getByRole("checkbox", { name: /^Choose Many A/ }).click();
  await page.getByRole("button", { name: "Choose all 2" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Pause 2 webhooks" }).click();
  await expect(rows.filter({ hasText: "paused" })).toHaveCount(2);
  await expectAccessible(page);
  await expectFits(page, "webhooks");
  await page.getByRole("combobox", { name: "Status" }).selectOption("failing");
  await expect(page.getByText("No webhook is like that")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(rows.filter({ hasText: "many" }).first()).toBeVisible();
});

test("the catalogue is searched, a type is read in each shape, and a sample is sent", async ({ page, server, receiver }) => {
  test.slow();
  await make(server, receiver, "/sample", { events: ["voicemail.new"] });
  await signIn(page, server, "/catalogue");
  await expectAccessible(page);
  await expectFits(page, "catalogue");
  await page.getByRole("searchbox").first().fill("voicemail_new");
  await page.getByRole("searchbox", { name: /Search type/ }).fill("voicemail_new");
  await page.getByRole("link", { name: "voicemail.new" }).click();
  await expect(page.getByText("A caller left a voicemail.")).toBeVisible();
  await expect(page.getByRole("table", { name: "What its data has" })).toContainText("length_ms");
  await page.getByRole("tab", { name: "Teli" }).click();
  await expect(page.getByText("Teli has nothing for this event")).toBeVisible();
  await page.getByRole("tab", { name: "Kazoo" }).click();
  await expect(page.getByText("notifications/voicemail_new").first()).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "catalogue-type");
  await page.getByRole("button", { name: "Send a sample" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Send the sample" }).click();
  await expect(page.getByText(/The sample was accepted and goes to/)).toBeVisible();
  await expect.poll(() => receiver.received.some((r) => r.path === "/sample")).toBe(true);
  await page.getByRole("link", { name: "Create a webhook for this" }).click();
  await expect(page.getByText("1 type chosen")).toBeVisible();
});

test("who may only look is shown no way to change anything", async ({ page, server, receiver }) => {
  const hook = await make(server, receiver, "/look");
  const key = await server.api("POST", "/v1/api-keys", { name: "viewer", role: "viewer" });
  await signIn(page, server, "/webhooks/" + hook.id, key.key ?? key.secret ?? key.token);
  await expect(page.getByRole("heading", { level: 1, name: "hook /look" })).toBeVisible();
  for (const name of ["Test now", "Pause", "Edit", "More actions"]) await expect(page.getByRole("button", { name })).toHaveCount(0);
  await page.getByRole("tab", { name: "Replay" }).click();
  await expect(page.getByText("Your role may look at replays, and not begin one.")).toBeVisible();
});
