import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { curl, quoted } from "./curl";
import { whyOf } from "./why";

test("a shell reads a word as it was", () => {
  for (const word of ["plain", "it's", '"$HOME" `ls` \\', "two\nlines", "سلام", "@file", "!x", ""])
    expect(execFileSync("sh", ["-c", `printf %s ${quoted(word)}`]).toString(), word).toBe(word);
});

test("what is masked is said", () => {
  const text = curl({
    method: "POST",
    url: "https://example.com/a?b=1&c=2",
    headers: { Authorization: "********", "Content-Length": "2" },
    body: "{}",
  });
  expect(text).toBe(
    "# Masked, put in your own: Authorization\ncurl -X POST 'https://example.com/a?b=1&c=2' \\\n  -H 'Authorization: ********' \\\n  --data-raw '{}'",
  );
});

test("why a delivery stands as it does", () => {
  const d = {
    id: "d",
    event_id: "e",
    event_type: "call.created",
    account_id: "a",
    webhook_id: "w",
    sequence: 1,
    attempts: 3,
    accepted_at: "2026-01-01T00:00:00Z",
  };
  const fail = (n: number, status?: number, error?: string) => ({
    attempt_number: n,
    started_at: "2026-01-01T00:00:05Z",
    outcome: "failure",
    status,
    error,
  });
  const now = Date.parse("2026-01-01T00:00:10Z");
  const say = (state: string, tried: Parameters<typeof whyOf>[1], more = {}, hook = {}) =>
    whyOf({ ...d, state, ...more }, tried, hook, now);
  expect(say("pending", [fail(1, 500), fail(2, 500), fail(3, 500)], { next_attempt_at: "2026-01-01T00:00:22Z" })).toBe(
    "The receiver answered 500 three times; next try in 12 s.",
  );
  expect(say("pending", [], {}, { status: "paused" })).toBe("It waits, for the webhook is paused.");
  expect(say("failed", [fail(1, 404)], { reason: "attempt 1 was the last one" })).toBe(
    "The receiver answered 404 once; attempt 1 was the last one.",
  );
  expect(say("delivered", [fail(1, undefined, "connection refused"), { ...fail(2, 200), outcome: "success" }])).toBe(
    "Taken at attempt 2, 5 s after the event; before, connection refused.",
  );
});
