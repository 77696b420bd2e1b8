import { expect, test } from "vitest";
import { draftOf, draftOfAddress, empty, type Hook, inputOf, mergePatch } from "./draft";

const hook = {
  id: "wh_1",
  account_id: "demo",
  name: "CRM",
  url: "https://example.com/hook",
  events: ["call.*"],
  dialect: "kazoo",
  format: "json",
  enabled: true,
  include_subaccounts: false,
  include_internal_legs: true,
  headers: { "X-A": "1", "X-B": "********" },
  retry: { schedule: ["5s", "1m"] },
  timeout: "15s",
  max_concurrency: 16,
  ordering: "key",
  hold: "30s",
  scope: { numbers: ["+12025550100"] },
} as unknown as Hook;

test("what was not said is left out", () => {
  expect(inputOf({ ...empty, url: " https://example.com ", events: ["*"] })).toEqual({
    url: "https://example.com",
    events: ["*"],
    dialect: "switchhook",
  });
});

test("a webhook that nobody changed has no patch", () => {
  expect(mergePatch(inputOf(draftOf(hook)) as never, inputOf(draftOf(hook)) as never)).toBeUndefined();
});

test("a patch takes away what was taken away, and leaves the rest", () => {
  const before = draftOf(hook);
  const after = {
    ...before,
    headers: [["X-B", "********"]] as never,
    scope: empty.scope,
    retry: "standard" as const,
    timeout: "5s",
    rate: "x",
  };
  expect(mergePatch(inputOf(before) as never, inputOf(after) as never)).toEqual({
    headers: { "X-A": null },
    scope: null,
    retry: null,
    timeout: "5s",
    rate_limit: "x",
  });
});

test("an address fills the form", () => {
  const draft = draftOfAddress(
    new URLSearchParams("?scope_numbers=+12025550100,%2B12025550101&events=call.*,fax.sent&account=demo"),
    "root",
  );
  expect(draft.scope.numbers).toEqual(["+12025550100", "+12025550101"]);
  expect(draft.events).toEqual(["call.*", "fax.sent"]);
  expect(draft.account).toBe("demo");
});
