import { expect, expectAccessible, expectFits, signIn, test } from "./server";

test("every place is there, for eyes, ears and narrow screens", async ({ page, server }) => {
  test.slow();
  await signIn(page, server);
  const places = page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link");
  const names = await places.allTextContents();
  expect(names).toContain("Calls");
  for (const name of names.filter((n) => n !== "API reference")) {
    await places.filter({ hasText: name }).first().click();
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await expectAccessible(page);
    await expectFits(page, name);
  }
});

test("the content can be reached past the navigation by keyboard", async ({ page, server }) => {
  await signIn(page, server, "/calls");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "To the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
});

test("an address that is none says so", async ({ page, server }) => {
  await signIn(page, server, "/nowhere/at/all");
  await expect(page.getByText("There is no page at this address")).toBeVisible();
});
