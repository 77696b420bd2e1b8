import { expect, test } from "vitest";
import { kindOf, rowsOf, type Schema } from "./schema";

const schema: Schema = {
  type: "object",
  required: ["call"],
  properties: {
    call: {
      type: "object",
      properties: {
        id: { type: ["string", "null"] },
        at: { type: "string", format: "date-time" },
        ids: { type: "array", items: { type: "string" } },
      },
    },
    legs: { type: "array", items: { type: "object", properties: { n: { type: "integer" } } } },
  },
};

test("the type of a member in words", () => {
  expect(kindOf({ type: ["string", "null"] })).toBe("text");
  expect(kindOf({ type: "string", format: "date-time" })).toBe("time");
  expect(kindOf({ type: ["array", "null"], items: { type: "object" } })).toBe("list of objects");
  expect(kindOf({})).toBe("anything");
});

test("what is closed is not listed, and lists have members, too", () => {
  expect(rowsOf(schema, new Set()).map((r) => r.path)).toEqual(["call", "legs"]);
  expect(rowsOf(schema, new Set(["call", "legs"])).map((r) => r.path)).toEqual([
    "call",
    "call.id",
    "call.at",
    "call.ids",
    "legs",
    "legs.n",
  ]);
  expect(rowsOf(schema, new Set())[0]).toMatchObject({ required: true, parent: true, depth: 0 });
});
