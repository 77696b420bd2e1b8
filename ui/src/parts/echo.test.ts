import { expect, test } from "vitest";
import { Echoes } from "./echo";

test("what comes back late is not put in the place of what was typed since", () => {
  const e = new Echoes();
  for (const text of ["a", "ab", "abc"]) e.tell(text);
  expect(e.isNews("a", "abc")).toBe(false);
  expect(e.isNews("ab", "abc")).toBe(false);
  expect(e.isNews("abc", "abc")).toBe(false);
  expect(e.isNews("ab", "abc")).toBe(true); // now it is from elsewhere
});

test("what comes from elsewhere is, and what is left out on the way does not matter", () => {
  const e = new Echoes();
  expect(e.isNews("given", "")).toBe(true);
  for (const text of ["a", "ab", "a"]) e.tell(text);
  expect(e.isNews("a", "a")).toBe(false);
  expect(e.isNews("ab", "a")).toBe(true);
  e.tell("abc");
  expect(e.isNews("reverted", "abc")).toBe(true);
  expect(e.isNews("abc", "reverted")).toBe(true);
});
