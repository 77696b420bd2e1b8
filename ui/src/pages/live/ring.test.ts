import { expect, test } from "vitest";
import { Ring } from "./ring";

const numbers = (from: number, n: number) => Array.from({ length: n }, (_, i) => from + i);

test("the newest is first, and the ring is bounded", () => {
  const ring = new Ring<number>();
  for (let i = 0; i < 20_000; i += 500) ring.add(numbers(i, 500));
  expect(ring.total).toBe(20_000);
  expect(ring.at(0)).toBe(19_999);
  expect(ring.length).toBeLessThanOrEqual(Ring.size * 1.1);
  expect(ring.lost + ring.length).toBe(20_000);
  expect(ring.number(0) - ring.number(1)).toBe(1);
});

test("what comes while it is paused is kept aside, and nothing is lost in between", () => {
  const ring = new Ring<number>();
  let told = 0;
  ring.subscribe(() => told++);
  ring.add([1, 2]);
  ring.pause(true);
  ring.add([3]);
  ring.add([4]);
  expect([ring.length, ring.aside, ring.at(0)]).toEqual([2, 2, 2]);
  ring.pause(false);
  expect([ring.length, ring.aside, ring.at(0), ring.total]).toEqual([4, 0, 4, 4]);
  expect(told).toBe(5);
});

test("a pause of any length costs no more memory than a ring", () => {
  const ring = new Ring<number>();
  ring.pause(true);
  ring.add(numbers(0, Ring.size));
  ring.add(numbers(Ring.size, Ring.size));
  expect(ring.aside).toBe(2 * Ring.size);
  ring.pause(false);
  expect([ring.total, ring.at(0)]).toEqual([2 * Ring.size, 2 * Ring.size - 1]);
});
