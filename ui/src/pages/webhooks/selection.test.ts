import { expect, test } from "vitest";
import { patterns, selected, selects, summary, withFamily, withType } from "./selection";

const types = ["call.created", "call.answered", "call.hungup", "message.received", "message.sent", "fax.sent"].map((type) => ({
  type,
  dialects: type === "call.hungup" ? [{ dialect: "kazoo", name: "channel_destroy", formats: ["form"] }] : [],
}));
const names = (events: string[]) => selected(events, types).map((t) => t.type);

test("a star stands for anything, dots too", () => {
  expect(names(["call.*"])).toEqual(["call.created", "call.answered", "call.hungup"]);
  expect(names(["*.sent"])).toEqual(["message.sent", "fax.sent"]);
  expect(names(["*"])).toHaveLength(6);
  expect(names(["kazoo:channel_destroy"])).toEqual(["call.hungup"]);
  expect(selects("callxcreated", types[0]!)).toBe(false);
});

test("one type less than all of a family names the others", () => {
  const events = withType(["call.*", "fax.sent"], "call.answered", false, types);
  expect(events).toEqual(["call.created", "call.hungup", "fax.sent"]);
  expect(withType(events, "call.answered", true, types)).toEqual(["fax.sent", "call.*"]);
});

test("one type less than everything names the other families", () => {
  expect(withType(["*"], "message.sent", false, types)).toEqual(["call.*", "message.received", "fax.sent"]);
  expect(withFamily(["*"], "call", false, types)).toEqual(["message.*", "fax.sent"]);
});

test("a family takes the place of its types", () => {
  expect(withFamily(["call.created", "message.sent"], "call", true, types)).toEqual(["message.sent", "call.*"]);
});

test("patterns of one's own are told apart", () => {
  expect(patterns(["*", "call.*", "call.created", "*.sent", "kazoo:all"], types)).toEqual(["*.sent", "kazoo:all"]);
});

test("in few words", () => {
  expect(summary(["*"])).toBe("All events");
  expect(summary(["call.*", "fax.sent"])).toBe("Calls, fax.sent");
  expect(summary(["a.b", "c.d", "e.f", "g.h"])).toBe("a.b, c.d and 2 more");
});
