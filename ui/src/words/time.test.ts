import { expect, test } from "vitest";
import { ago, durationOf, span, talk } from "./time";

test("spans are told in two units at most", () => {
  const told = [0, 0.4, 340, 1234, 12_400, 200_000, 7_500_000, 100 * 3_600_000].map(span);
  expect(told).toEqual(["0 ms", "0.4 ms", "340 ms", "1.2 s", "12 s", "3 min 20 s", "2 h 5 min", "4 d 4 h"]);
});

test("talk time is told as phones do", () => {
  expect([0, 7, 185, 3723].map(talk)).toEqual(["0:00", "0:07", "3:05", "1:02:03"]);
});

test("what was and what comes", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  const told = [0, -5_000, 65_000, -3 * 3_600_000, 49 * 3_600_000].map((ms) => ago(now - ms, now));
  expect(told).toEqual(["now", "in 5 s", "1 min ago", "in 3 h", "2 d ago"]);
});

test("the API's durations", () => {
  expect(["15s", "72h", "1m30s", "250ms", "30d"].map(durationOf)).toEqual([15_000, 259_200_000, 90_000, 250, 2_592_000_000]);
});
