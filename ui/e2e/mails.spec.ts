import { expect, expectAccessible, expectComplaint, expectFits, type Server, signIn, test } from "./server";

test.use({ own: "mails" });

let n = 0;
const voicemail = (server: Server, to: string[], name = "Ada Lovelace") =>
  server.api("POST", "/v1/events", {
    type: "voicemail.new",
    account_id: "acme",
    data: {
      notification: { to },
      voicemail: { id: `vm-${++n}` },
      call: { id: `call-${n}`, direction: "inbound", from: { name, address: "+12025550177" } },
    },
  });

test.beforeEach(async ({ server }) => {
  const { items } = await server.api("GET", "/v1/accounts?limit=500");
  if (!items.some((a: any) => a.id === "acme")) await server.api("POST", "/v1/accounts", { id: "acme", name: "Acme Ltd" });
});

test("a voicemail's mail is in the outbox, with what the server said", async ({ page, server, mail }) => {
  test.slow();
  mail.refuse("gone@", "550 5.1.1 no such user here");
  mail.refuse("later@", "451 4.7.1 greylisted, come again");
  await voicemail(server, ["grace@example.com"], "مكتبة الإسكندرية");
  await voicemail(server, ["grace@example.com", "gone@example.com"], "Half & Half");
  await voicemail(server, ["gone@example.com"], "Nobody");
  await voicemail(server, ["later@example.com"], "Patience");
  await signIn(page, server, "/mails");
  const table = page.getByRole("table", { name: "Mails" });
  const row = (text: string) => table.getByRole("row").filter({ hasText: text }).first(); // the last attempt
  await expect(row("Patience")).toContainText("tried again");
  await expect(row("Patience")).toContainText("greylisted");
  await expect(row("Nobody")).toContainText("Refused");
  await expect(row("Half & Half")).toContainText("partly taken");
  await expect(row("مكتبة")).toContainText("queued as E2E");
  await expectAccessible(page);
  await expectFits(page, "mails");

  await page.getByLabel("Outcome").selectOption({ label: "Not taken" });
  await expect(row("مكتبة")).toHaveCount(0);
  await page.getByRole("searchbox", { name: "Subject" }).fill("nobody");
  await expect(row("Patience")).toHaveCount(0);
  await expect(page).toHaveURL(/subject=nobody/);
  await page.getByRole("searchbox", { name: "Recipient" }).fill("elsewhere");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByLabel("Template", { exact: true }).selectOption({ label: "Missed call" });
  await expect(page.getByText("Nothing fits")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();

  // Its page: whom it reached, and the mail as its reader sees it.
  await row("Half & Half").getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1, name: /Half & Half/ })).toBeVisible();
  const frame = page.locator("iframe[title='The mail’s HTML']");
  await expect(frame).toHaveAttribute("sandbox", "");
  await expect(frame.contentFrame().getByText("Half & Half").first()).toBeVisible();
  await expect(page.getByText("550 5.1.1 no such user here").first()).toBeVisible();
  await expect(page.getByText("the built-in one")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "mail");
  await page.getByRole("tab", { name: "HTML source" }).click();
  await expect(page.getByRole("textbox", { name: "the HTML" })).toContainText("Half &amp; Half");

  // It goes again to all, when somebody says so.
  const before = mail.received.length;
  await page.getByRole("button", { name: "Send again…" }).click();
  const asked = page.getByRole("alertdialog", { name: "Send it again?" });
  await expect(asked).toContainText("grace@example.com, gone@example.com");
  await asked.getByRole("button", { name: "Send to 2 recipients" }).click();
  await expect.poll(() => mail.received.length).toBe(before + 1);
  await expect(page.getByRole("link", { name: /^#/ })).toBeVisible();
  await page.getByRole("link", { name: "The event" }).click();
  await expect(page.getByRole("link", { name: "E-mail “Voicemail to email”" }).first()).toBeVisible();
  await page.getByRole("link", { name: "The mail" }).click(); // the delivery's page is the mail's
  await expect(page).toHaveURL(/\/mails\//);
  await expect(page.getByRole("heading", { level: 1, name: /Half & Half/ })).toBeVisible();
  await page.getByRole("link", { name: "The call" }).click();
  await expect(page.getByRole("link", { name: "E-mail “Voicemail to email”" }).first()).toBeVisible();
  // A sheet shows the mail, not an exchange over HTTP.
  await page.getByRole("link", { name: "Deliveries" }).first().click();
  await page.getByRole("button", { name: "Attempts" }).click();
  await page.getByRole("table", { name: "Attempts" }).getByRole("link").first().click();
  const sheet = page.getByRole("dialog");
  await expect(sheet.getByRole("article", { name: "The mail" })).toBeVisible();
  await expect(sheet.getByText("MAIL", { exact: true })).toHaveCount(0);
});

test("Home says what waits for the mail server, and since when", async ({ page, server, mail }) => {
  mail.refuse("slow@", "451 4.3.2 try later");
  await voicemail(server, ["slow@example.com"]);
  await expect.poll(async () => (await server.api("GET", "/v1/mail")).waiting).toBeGreaterThan(0);
  const condition = await server.api("GET", "/v1/mail");
  expect(condition.email).toBe(true);
  await signIn(page, server, "/");
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
});

test("customers are written to: counted, previewed, sent, and each mail is in the outbox", async ({ page, server, mail }) => {
  test.slow();
  expectComplaint(/status of 422/);
  for (const [id, people] of [
    ["shop-1", ["ada", "bob"]],
    ["shop-2", ["cleo"]],
  ] as const) {
    await server.api("POST", "/v1/accounts", { id, name: id, parent_id: "acme" });
    for (const p of people)
      await server.api("PUT", `/v1/records/user/${p}?account_id=${id}`, {
        email: `${p}@example.com`,
        first_name: p,
        priv_level: p === "bob" ? "user" : "admin",
      });
  }
  await signIn(page, server, "/customer-update?account=acme");
  const foot = page.getByRole("group", { name: "Send", exact: true });
  await expect(foot).toContainText("2 people in 2 accounts");
  await page.getByRole("radio", { name: "All users" }).check();
  await expect(foot).toContainText("3 people in 2 accounts");
  await page.getByLabel("Subject").fill("Maintenance on Sunday");
  await page.getByLabel("Message").fill("Phones rest from 2 to 3.");
  const frame = page.frameLocator("iframe[title='The mail’s HTML']");
  await expect(frame.getByText("Phones rest from 2 to 3.").last()).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "customer-update");

  await page.getByRole("radio", { name: "One account" }).check();
  await page
    .getByRole("button", { name: /^Account: / })
    .last()
    .click();
  await page.getByRole("option", { name: /shop-1/ }).click();
  await page.getByRole("radio", { name: "One user" }).check();
  await page.getByLabel("User", { exact: true }).selectOption({ label: "bob (bob@example.com)" });
  await expect(foot).toContainText("1 person in 1 account");
  await page.getByRole("radio", { name: "As HTML" }).check();
  await page.getByRole("textbox", { name: "HTML" }).click();
  await page.keyboard.type("<p>Hello {{ user.nosuch|nofilter }}");
  await expect(page.getByText(/^Line 1, column \d+: /)).toBeVisible();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("<p>Hello {{ user.first_name }}");
  await foot.getByRole("button", { name: "Send…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Send 1 mail" }).click();
  await expect(page.getByText("1 mail is on its way")).toBeVisible();
  await expect.poll(() => mail.received.find((m) => m.to.includes("bob@example.com"))?.data).toContain("Hello bob");
  await page.getByRole("link", { name: "See the mails" }).click();
  await expect(page.getByRole("table", { name: "Mails" }).getByRole("row").filter({ hasText: "Maintenance on Sunday" })).toHaveCount(1);
});
