import { expect, test } from "vitest";
import type { Own, Template } from "../../api/mail";
import { asText, changed, markOf, patchOf, rebased, unsaved, valueOf } from "./draft";

const part = <T>(value: T, account_id = "") => ({ value, account_id, version: 0 });
const addresses = { type: "original" as const };
const parts = {
  name: part("Voicemail"),
  enabled: part(true),
  subject: part("New voicemail"),
  html: part("<p>built in</p>"),
  text: part("built in"),
  to: part(addresses),
  cc: part(addresses),
  bcc: part(addresses),
  from: part(""),
  reply_to: part(""),
};
const template = {
  own: { subject: "Mine" },
  parts: { ...parts, subject: part("Mine", "acme") },
  inherited: parts,
} as unknown as Template;

test("what is as it is inherited does not become one's own, but what is one's own stays", () => {
  expect(changed(template, template.own, "text", "other")).toEqual({ subject: "Mine", text: "other" });
  expect(changed(template, { subject: "Mine", text: "other" }, "text", "built in")).toEqual({ subject: "Mine" });
  expect(changed(template, template.own, "subject", "New voicemail")).toEqual({ subject: "New voicemail" });
  expect(changed(template, template.own, "subject", undefined)).toEqual({});
});

test("a part that is reverted is null in the patch, and what is inherited in the preview", () => {
  const draft: Own = { text: "other" };
  expect(patchOf(template.own, draft)).toEqual({ subject: null, text: "other" });
  expect(patchOf(template.own, { ...template.own })).toBeUndefined();
  expect(unsaved(template, draft)).toEqual({ subject: "New voicemail", text: "other" });
  expect(valueOf(template, draft, "subject")).toBe("New voicemail");
});

test("my changes go on top of theirs, and leave the rest of theirs", () => {
  expect(rebased({ subject: "a", text: "b" }, { subject: "c" }, { subject: "a", text: "b", html: "d" })).toEqual({
    subject: "c",
    html: "d",
  });
});

test("an error is put where it says", () => {
  expect(markOf("line 3, column 7: there is no filter nosuch")).toEqual({
    marks: [{ line: 3, column: 7, message: "there is no filter nosuch" }],
  });
  expect(markOf("is too long")).toEqual({ marks: [], wrong: "is too long" });
});

test("parts are compared as a text with their names", () => {
  expect(asText({ subject: "a", to: { type: "specified", email_addresses: ["x@example.com"] } })).toBe(
    "— Subject —\na\n\n— To —\nspecified\nx@example.com\n",
  );
});
