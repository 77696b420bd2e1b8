import { expect, test } from "vitest";
import { guess } from "./guess";

test("what was typed is known for what it is", () => {
  const all: Record<string, ReturnType<typeof guess>> = {
    "": undefined,
    "(415) 555-0123": { as: "number", value: "+14155550123" },
    "+1 415 555 0123": { as: "number", value: "+14155550123" },
    "14155550123": { as: "number", value: "+14155550123" },
    "0044 20 7183 8750": { as: "number", value: "+442071838750" },
    "011442071838750": { as: "number", value: "+442071838750" },
    "030/123456": { as: "number", value: "030123456" },
    "102": { as: "extension", value: "102" },
    "ext. 102": { as: "extension", value: "102" },
    "20569951-cf19-4a00-9666-2ee181f7993b": { as: "call_id", value: "20569951-cf19-4a00-9666-2ee181f7993b" },
    "1764423456.42": { as: "call_id", value: "1764423456.42" },
  };
  for (const [typed, want] of Object.entries(all)) expect(guess(typed), typed).toEqual(want);
});
