import { expect, test } from "vitest";
import { accents, luminance } from "./brand";

test("every accent has an ink that can be read on it, in both themes", () => {
  for (const accent of ["#000000", "#0b3d91", "#0a7cff", "#ff6a00", "#ffd500", "#ffffff", "#808080"]) {
    const a = accents({ accent });
    for (const [ground, ink] of [
      [a["--brand"], a["--brand-ink"]],
      [a["--brand-dark"], a["--brand-dark-ink"]],
    ] as [string, string][]) {
      const [dim, bright] = [luminance(ground), luminance(ink)].toSorted((x, y) => x - y) as [number, number];
      expect((bright + 0.05) / (dim + 0.05), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
});

test("without a brand all is as it was", () => {
  expect(Object.values(accents(undefined)).join("")).toBe("");
});
