// One box for whatever a caller has read out: a number however it is written, an extension, or an id.

export type Guess = { as: "number" | "extension" | "call_id"; value: string } | undefined;

/** What was typed, as the API takes it. */
export function guess(text: string): Guess {
  const typed = text.trim();
  if (!typed) return undefined;
  const digits = typed.replace(/[\s().\-/]|^tel:/g, "");
  if (/^\d{9,}\.\d+$/.test(typed)) return { as: "call_id", value: typed }; // as Asterisk has them
  if (/^(ext\.?|x|#)\s*\d+$/i.test(typed)) return { as: "extension", value: typed.replace(/\D/g, "") };
  if (/^\+?\d+$/.test(digits)) {
    if (/^\d{1,6}$/.test(digits)) return { as: "extension", value: digits };
    return { as: "number", value: international(digits) };
  }
  return { as: "call_id", value: typed };
}

/** A number as phone systems have it: with a plus and its country, where what was typed shows which. */
function international(digits: string): string {
  if (digits.startsWith("+")) return digits;
  if (digits.startsWith("00")) return "+" + digits.slice(2);
  if (/^011\d{8,}$/.test(digits)) return "+" + digits.slice(3);
  if (/^[2-9]\d{2}[2-9]\d{6}$/.test(digits)) return "+1" + digits;
  return digits.startsWith("0") ? digits : "+" + digits;
}
