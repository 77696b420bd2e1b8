import { expect, test } from "vitest";
import { percent, phone } from "./text";

test("a failure is never rounded away", () => {
  expect([1, 0.99999, 0.998, 0.5, 0].map((p) => percent(p).replace("\u00a0", " "))).toEqual(["100 %", "99.99 %", "99.8 %", "50 %", "0 %"]);
});

test("phone numbers get gaps where these are certain", () => {
  expect(["+14155550123", "4155550123", "+442071838750", "101"].map(phone)).toEqual([
    "+1 415 555 0123",
    "+1 415 555 0123",
    "+442071838750",
    "101",
  ]);
});
