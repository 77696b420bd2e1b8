import { expect, test } from "vitest";
import { messages } from "./stream";

test("messages are read as they come, in pieces", () => {
  const taken: [string, string][] = [];
  let rest = "";
  for (const piece of [": alive\n\nid: 1\nda", 'ta: {"a":1}\n', "\nid: 2\n\ndata: x\r\ndata: y\r\n\r\nid: 3"]) {
    rest = messages(rest + piece, (id, data) => taken.push([id, data]));
  }
  expect(taken).toEqual([
    ["1", '{"a":1}'],
    ["2", ""],
    ["", "x\ny"],
  ]);
  expect(rest).toBe("id: 3");
});
