import { expect, expectAccessible, expectFits, signIn, test } from "./server";

// What somebody sees who has just started the program. It has a server of its own: nothing may be there yet.
test.use({ own: "first" });

test("an empty dashboard leads to the first event", async ({ page, server }) => {
  await signIn(page, server);
  await expect(page.getByRole("heading", { name: "Three steps to the first event" })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("Shape of the requests").selectOption("kazoo");
  await page.getByRole("button", { name: "Receive here" }).click();
  await page.getByRole("button", { name: "Ring a sample call" }).click();
  const requests = page.getByRole("list", { name: "Requests" });
  await expect(requests.getByRole("button").filter({ hasText: "call.created" })).toBeVisible();
  await expect(requests.getByRole("button").filter({ hasText: "call.hungup" })).toBeVisible();
  await expect(page.getByText(/hook_event/).first()).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "first-run");
  // The call is in the lists, too.
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Calls" }).click();
  await expect(page.getByText("Ada Lovelace").first()).toBeVisible();
  // With a webhook, the page is about what happens.
  await server.api("POST", "/v1/webhooks", { url: "http://127.0.0.1:1/", events: ["call.*"] });
  await page.goto(server.url + "/");
  await expect(page.getByRole("link", { name: /Events a second/ })).toBeVisible();
});
