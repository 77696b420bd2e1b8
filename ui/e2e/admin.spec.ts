import { expect, expectAccessible, expectComplaint, expectFits, signIn, test } from "./server";

test("nobody is signed in: no complaint, and a wrong password is said in words", async ({ page, server }) => {
  await page.goto(server.url);
  await expect(page.getByRole("heading", { name: "Sign in to Switchhook" })).toBeVisible();
  await expectAccessible(page);
  await server.api("POST", "/v1/users", { login: "ada@example.com", name: "Ada", role: "admin", password: "correct horse battery" });
  expectComplaint(/401/);
  await page.getByLabel("Login").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("the login or the password is wrong");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("#main")).toBeVisible();
});

test("a key is created, used and revoked", async ({ page, server, browser }) => {
  await signIn(page, server, "/access");
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("for the test");
  await dialog.getByRole("radio", { name: "viewer" }).check();
  await dialog.getByRole("button", { name: "Create key" }).click();
  const key = (await dialog.getByLabel("the API key", { exact: true }).textContent()) ?? "";
  expect(key).toMatch(/^sk_/);
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  const info = await server.api("GET", "/v1/info", undefined, key);
  expect(info.role).toBe("viewer");

  const other = await browser.newPage();
  await other.goto(server.url);
  await other.getByRole("button", { name: "API key" }).click();
  await other.getByLabel("API key", { exact: true }).fill(key);
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other.getByRole("link", { name: "Audit" })).toHaveCount(0);
  await expect(other.getByRole("link", { name: "Calls" }).first()).toBeVisible();
  await other.close();

  await page.getByRole("button", { name: "Revoke for the test" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke key" }).click();
  await expect(page.getByText("The key was revoked")).toBeVisible();
  await expect(server.api("GET", "/v1/info", undefined, key)).rejects.toThrow(/401/);
});

test("a session that ends leaves what was typed, and takes one back in", async ({ page, server, context }) => {
  await signIn(page, server, "/accounts");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Bäckerei Großmann");
  await context.clearCookies();
  expectComplaint(/401/);
  await page.getByRole("dialog").getByRole("button", { name: "Create account" }).click();
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await again.getByLabel("API key", { exact: true }).fill(server.key);
  await again.getByRole("button", { name: "Sign in" }).click();
  await expect(again).toBeHidden();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Bäckerei Großmann");
  await page.getByRole("dialog").getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Bäckerei Großmann" })).toBeVisible();
});

test("a number has its page, and a webhook of its own", async ({ page, server }) => {
  await server.api("POST", "/v1/accounts", { id: "dir", name: "Directory" });
  await server.api("PUT", "/v1/records/number/did-1?account_id=dir", { number: "+12025550100", description: "Main line" });
  await server.api("POST", "/v1/webhooks", {
    account_id: "dir",
    name: "its own",
    url: "https://example.com/a",
    events: ["call.*"],
    scope: { numbers: ["+12025550100"] },
    enabled: false,
  });
  await signIn(page, server, "/records?account=dir");
  await page.getByRole("link", { name: "Main line" }).click();
  await expect(page.getByRole("row", { name: /its own/ })).toContainText("this number");
  await expect(page.getByRole("link", { name: "Add webhook" })).toHaveAttribute(
    "href",
    "/webhooks/new?account=dir&scope_numbers=%2B12025550100",
  );
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Description").fill("الخط الرئيسي");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "الخط الرئيسي" })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "record");
});

test("the API reference is for whoever comes", async ({ page, server }) => {
  test.slow();
  await page.goto(`${server.url}/docs#create-webhook`);
  await expect(page.locator("#create-webhook")).toBeInViewport({ timeout: 30_000 });
  await page.getByRole("searchbox", { name: "Find" }).fill("replay");
  await expect(page.getByRole("heading", { level: 3, name: /replay|again/i }).first()).toBeVisible();
  await page.getByRole("searchbox", { name: "Find" }).fill("");
  await expect(page.getByRole("heading", { level: 1, name: "API reference" })).toBeVisible();
  await expectFits(page, "docs");
});

test("sources are added that connect, and one that is posted to", async ({ page, server }) => {
  await signIn(page, server, "/sources");
  await page.getByRole("button", { name: /^FreeSWITCH/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Id").fill("fs");
  await dialog.getByLabel("Password").fill("cluecon");
  await dialog.getByLabel("Trunks").fill("carrier*, external");
  expectComplaint(/422/);
  await dialog.getByRole("button", { name: "Add source" }).click();
  await expect(dialog.getByText("expected the address of the event socket").first()).toBeVisible();
  await dialog.getByLabel("Event socket").fill("127.0.0.1:1");
  await dialog.getByText("mod_amqp: nothing is missed").click();
  await dialog.getByLabel("RabbitMQ").fill("amqp://127.0.0.1:1");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Add source" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "fs" })).toBeVisible();
  await expect(page.getByText("It cannot connect")).toBeVisible();
  const made = await server.api("GET", "/v1/sources/fs");
  expect(made.options).toEqual({
    address: "127.0.0.1:1",
    password: "********",
    trunks: ["carrier*", "external"],
    amqp: { url: "********" },
  });

  await page.goto(server.url + "/sources?add=kamailio");
  await dialog.getByLabel("Id").fill("kam");
  await dialog.getByRole("button", { name: "Add source" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "kam" })).toBeVisible();
  await expect(page.getByText("/v1/in/kam/", { exact: false })).toBeVisible();
  await expect(page.getByText("Nothing has been posted yet")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "a source");
});
