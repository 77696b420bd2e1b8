import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectComplaint, expectFits, type Server, signIn, test } from "./server";

test.use({ own: "templates" });

const refusal = /status of (422|412|404|409)/;
const acme = "acme";

test.beforeEach(async ({ server }) => {
  const { items } = await server.api("GET", "/v1/accounts?limit=500");
  if (!items.some((a: any) => a.id === acme)) await server.api("POST", "/v1/accounts", { id: acme, name: "Acme Ltd" });
});

/** A part's editor. */
const editor = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
const part = (page: Page, name: string) => page.getByRole("group", { name, exact: true });
const template = (server: Server, id: string, account = acme) => server.api("GET", `/v1/templates/${id}?account_id=${account}`);
const preview = (page: Page) => page.getByRole("article", { name: "The mail" });

test("templates are found, and switched on and off at once", async ({ page, server }) => {
  await signIn(page, server, `/templates?account=${acme}`);
  await expect(page.getByRole("table", { name: "Voicemail" }).getByRole("link", { name: "Voicemail to e-mail" })).toBeVisible();
  await expect(page.getByText("No mail server is set up")).toHaveCount(0);
  await page.getByRole("searchbox", { name: /Search name/ }).fill("missed call");
  await expect(page.getByRole("link", { name: "Voicemail to e-mail" })).toHaveCount(0);
  const on = page.getByRole("switch", { name: "Send Missed call" });
  await expect(on).toBeChecked();
  await on.click();
  await expect(page.getByText("Missed call is off")).toBeVisible();
  await expect(page.getByText("Your own", { exact: true })).toBeVisible();
  expect((await template(server, "missed_call")).own).toEqual({ enabled: false });
  await on.click();
  await expect(page.getByText("Missed call is on")).toBeVisible();
  await page.getByRole("searchbox", { name: /Search name/ }).fill("");
  await expectAccessible(page);
  await expectFits(page, "templates");
});

test("a part is made one's own, previewed, saved, compared and given back", async ({ page, server }) => {
  test.slow();
  expectComplaint(refusal);
  await signIn(page, server, `/templates/voicemail_to_email?account=${acme}`);
  await expect(preview(page)).toContainText("New voicemail from Ada Lovelace");
  await expect(page.frameLocator("iframe[title='The mail’s HTML']").getByText("Ada Lovelace").first()).toBeVisible();
  await expect(part(page, "Subject").getByText("Built in")).toBeVisible();

  await editor(page, "Subject").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("Somebody spoke: ");
  await page.getByRole("tab", { name: "Macros" }).click();
  await page.getByRole("searchbox", { name: "Search macros" }).fill("number of who called");
  await page.getByRole("searchbox", { name: "Search macros" }).fill("caller_id.number");
  await page
    .getByRole("button", { name: /^caller_id\.number/ })
    .first()
    .click();
  await expect(editor(page, "Subject")).toHaveText("Somebody spoke: {{ caller_id.number }}");
  await expect(part(page, "Subject").getByText("Not saved")).toBeVisible();
  await page.getByRole("tab", { name: "Preview" }).click();
  await expect(preview(page)).toContainText("Somebody spoke: +1");

  // What is wrong is shown where it is, and the preview stays as it was.
  await editor(page, "Subject").click();
  await page.keyboard.press("End");
  await page.keyboard.type("{{ x|nosuch }}");
  await expect(
    part(page, "Subject")
      .getByText(/nosuch/)
      .last(),
  ).toBeVisible();
  await expect(editor(page, "Subject")).toHaveAttribute("aria-invalid", "true");
  await expect(part(page, "Subject").locator(".cm-wrong")).toBeVisible();
  await expect(page.getByText(/The mail as it was before: Subject/)).toBeVisible();
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("One part is not right yet.")).toBeVisible();
  await editor(page, "Subject").click();
  await page.keyboard.press("End");
  for (let i = 0; i < "{{ x|nosuch }}".length; i++) await page.keyboard.press("Backspace");
  await expect(part(page, "Subject").getByText(/nosuch/)).toHaveCount(0);

  await editor(page, "HTML").click();
  await page.keyboard.press("ControlOrMeta+Home");
  await page.keyboard.type("\n\n  {% if ");
  await expect(part(page, "HTML").getByText(/^Line \d+, column \d+: /)).toBeVisible();
  await page
    .getByRole("group", { name: "HTML", exact: true })
    .getByRole("button", { name: /^Revert/ })
    .click();
  await expect(part(page, "HTML").getByText(/^Line \d+/)).toHaveCount(0);

  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  expect((await template(server, "voicemail_to_email")).own).toEqual({ subject: "Somebody spoke: {{ caller_id.number }}" });
  await expect(part(page, "Subject").getByText("Your own")).toBeVisible();
  await part(page, "Subject")
    .getByRole("button", { name: /Compare/ })
    .click();
  await expect(page.getByRole("textbox", { name: /Subject, compared/ })).toContainText("New voicemail");
  await expectAccessible(page);
  await expectFits(page, "template");

  // Below it the part is inherited; a version comes back.
  await server.api("POST", "/v1/accounts", { id: "acme-west", name: "Acme West", parent_id: acme });
  await part(page, "Subject")
    .getByRole("button", { name: /^Revert/ })
    .click();
  await expect(preview(page)).toContainText("New voicemail from Ada Lovelace");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(part(page, "Subject").getByText("Built in")).toBeVisible();
  await page.getByRole("tab", { name: "History" }).click();
  await expect(page.getByText("Everything reverted to what is inherited")).toBeVisible();
  await page.getByRole("button", { name: "Restore version 1" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Restore" }).click();
  await expect(editor(page, "Subject")).toHaveText("Somebody spoke: {{ caller_id.number }}");
  await expectAccessible(page);
  await page.goto(`${server.url}/templates/voicemail_to_email?account=acme-west`);
  await expect(part(page, "Subject").getByText("Inherited from Acme Ltd")).toBeVisible();
});

test("the preview follows the screen and the width that are chosen, and real events", async ({ page, server }) => {
  await server.api("POST", "/v1/events", {
    account_id: acme,
    type: "voicemail.new",
    data: {
      notification: { to: ["grace@example.com"] },
      voicemail: { id: "vm-e2e" },
      call: { id: "call-e2e", from: { address: "+12025550177" } },
    },
  });
  await signIn(page, server, `/templates/voicemail_to_email?account=${acme}`);
  const frame = page.locator("iframe[title='The mail’s HTML']");
  await expect(frame).toHaveAttribute("sandbox", "");
  await page.getByRole("button", { name: "Phone" }).click();
  await expect(frame).toHaveCSS("width", "360px");
  await page.getByRole("button", { name: "Desktop" }).click();
  await expect(frame).toHaveCSS("width", "800px");
  await page.emulateMedia({ colorScheme: null });
  await page.getByRole("button", { name: "Dark", exact: true }).click();
  const dark = () =>
    page
      .frames()
      .at(-1)
      ?.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  await expect.poll(dark).toBe(true);
  await page.getByRole("button", { name: "Text", exact: true }).last().click();
  await expect(page.getByRole("region", { name: "The mail’s text" })).toContainText("Ada Lovelace");
  const events = page.getByLabel("Event to preview");
  await expect(events.locator("option")).not.toHaveCount(1);
  await events.selectOption({ index: 1 });
  await expect(page.getByRole("region", { name: "The mail’s text" })).toContainText("202-555-0177");
  await expect(preview(page)).toContainText("grace@example.com");
});

test("a test goes to an address, and the server's answer is shown", async ({ page, server, mail }) => {
  mail.refuse("nobody@", "550 5.1.1 no such user here");
  await signIn(page, server, `/templates/missed_call?account=${acme}`);
  await editor(page, "Subject").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("A draft");
  await page.getByRole("button", { name: "Send a test…" }).click();
  const dialog = page.getByRole("dialog", { name: "Send a test" });
  await dialog.getByLabel("To").fill("tess@example.com");
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Send the test" }).click();
  await expect(dialog.getByText("The mail server took it")).toBeVisible();
  await expect(dialog.getByText(/queued as E2E/)).toBeVisible();
  expect(mail.received.find((m) => m.to.includes("tess@example.com"))?.data).toContain("Subject: A draft");
  await dialog.getByRole("button", { name: "Remove tess@example.com" }).click();
  await dialog.getByLabel("To").fill("nobody@example.com");
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Send again" }).click();
  await expect(dialog.getByText(/no such user here/)).toBeVisible();
});

test("what is not saved is not lost by a click, nor by the way back", async ({ page, server }) => {
  await signIn(page, server, `/templates?account=${acme}`);
  await page.getByRole("link", { name: "Fax received" }).click();
  await editor(page, "Subject").click();
  await page.keyboard.type("Changed ");
  await expect(page.getByText("1 part is not saved yet.")).toBeVisible();
  await page.getByRole("tab", { name: "History" }).click(); // a tab is no other page
  await page.getByRole("link", { name: "Outbox" }).first().click();
  const asked = page.getByRole("alertdialog", { name: "Leave without saving?" });
  await asked.getByRole("button", { name: "Cancel" }).click();
  await expect(editor(page, "Subject")).toContainText("Changed");
  await page.goBack();
  await page.goBack();
  await expect(asked).toBeVisible();
  await asked.getByRole("button", { name: "Cancel" }).click();
  await expect(editor(page, "Subject")).toContainText("Changed");
  await page.getByRole("link", { name: "Outbox" }).first().click();
  await asked.getByRole("button", { name: "Leave, and drop the changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Outbox" })).toBeVisible();
});

test("what somebody else changed meanwhile is shown, and both changes are kept", async ({ page, server }) => {
  expectComplaint(refusal);
  await signIn(page, server, `/templates/fax_inbound_to_email?account=${acme}`);
  await editor(page, "Subject").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("Mine");
  await server.api("PATCH", `/v1/templates/fax_inbound_to_email?account_id=${acme}`, { reply_to: "theirs@example.com" });
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Somebody else changed this template meanwhile")).toBeVisible();
  await page.getByRole("button", { name: "Take theirs, and keep my changes on top" }).click();
  await expect(page.getByLabel("Reply to", { exact: true }).last()).toHaveValue("theirs@example.com");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  expect((await template(server, "fax_inbound_to_email")).own).toEqual({ subject: "Mine", reply_to: "theirs@example.com" });
});

test("whom it goes to is chosen, and a template of one's own is made and deleted", async ({ page, server }) => {
  test.slow();
  await signIn(page, server, `/templates?account=${acme}`);
  await page.getByRole("button", { name: "New template" }).click();
  const dialog = page.getByRole("dialog", { name: "New template" });
  await dialog.getByLabel("Name").fill("VIP call");
  await expect(dialog.getByLabel("Id")).toHaveValue("vip_call");
  await dialog.getByRole("button", { name: "Create template" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "VIP call" })).toBeVisible();
  await page.getByLabel("To: who").selectOption({ label: "Fixed addresses" });
  await page.getByLabel("To: addresses").fill("front@example.com, desk@example.com");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  expect((await template(server, "vip_call")).own.to).toEqual({
    type: "specified",
    email_addresses: ["front@example.com", "desk@example.com"],
  });
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete the template" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Templates" })).toBeVisible();
  await expect(page.getByText("VIP call")).toHaveCount(0);
});

test("who may only look sees no way to change anything", async ({ page, server }) => {
  const { key } = await server.api("POST", "/v1/api-keys", { account_id: acme, name: "looks", role: "viewer" });
  await signIn(page, server, "/templates", key);
  await expect(page.getByRole("switch").first()).toBeDisabled();
  await expect(page.getByRole("button", { name: "New template" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Customer update" })).toHaveCount(0);
  await page.getByRole("link", { name: "Voicemail box full" }).click();
  await expect(editor(page, "HTML")).toBeVisible();
  for (const name of [/Save/, /Revert/, /Send a test/]) await expect(page.getByRole("button", { name })).toHaveCount(0);
  await expectAccessible(page);
});
