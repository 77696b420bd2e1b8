import { expect, expectAccessible, signIn, test } from "./server";

test.use({ own: "no mail", mails: false });

test("without a mail server the pages say what is to be set", async ({ page, server, receiver }) => {
  await server.api("POST", "/v1/webhooks", { url: receiver.url + "/x", events: ["*"], name: "x" });
  await signIn(page, server, "/templates");
  await expect(page.getByText("No mail server is set up: nobody gets mails.")).toBeVisible();
  await expect(page.getByText("SWITCHHOOK_SMTP_URL", { exact: true })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Outbox" }).first().click();
  await expect(page.getByText("No mail was sent yet")).toBeVisible();
  await page.getByRole("link", { name: "Home" }).first().click();
  await expect(page.getByText(/There is no mail server/)).toBeVisible();
});
