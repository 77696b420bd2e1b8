// Notifications, in words.

/** What a template is called where nothing but its id is known: voicemail_to_email is Voicemail to email. */
export function titleOf(id: string): string {
  const words = id.replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The notification that a delivery is for; undefined: it is for a webhook. */
export function notificationOf(target: string): { medium: "email" | "sms"; account: string; template: string } | undefined {
  const [kind, account = "", template = ""] = target.split(":");
  return kind === "mail" || kind === "sms" ? { medium: kind === "sms" ? "sms" : "email", account, template } : undefined;
}

/** Both spellings of a medium, at the start of a sentence. */
export const mediumName = (medium: string) => (medium === "sms" ? "Text message" : "E-mail");

interface Answered {
  outcome: string;
  delivery_state: string;
  medium: string;
  status?: number;
  answer?: string;
  error?: string;
  accepted?: string[];
  refused?: { address: string; answer: string }[];
}

/** What became of a mail: what the server said, in a sentence. */
export function becameOf(m: Answered): string {
  const server = m.medium === "sms" ? "gateway" : "mail server";
  const said = m.answer || m.error || "";
  const refused = m.refused?.length ?? 0;
  if (m.outcome === "success") {
    if (refused) return `Taken for ${m.accepted?.length ?? 0}, refused for ${refused}: ${m.refused?.[0]?.answer ?? said}`;
    return said ? `Taken: ${said}` : `The ${server} took it`;
  }
  if (m.delivery_state === "pending") return m.status ? `Not yet: ${said}` : sentence(said || `The ${server} did not answer`);
  return m.status ? `Refused: ${said}` : sentence(said || "It failed");
}

const sentence = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

/** How much of an address a list needs: the name, or the address where it has none. */
export const addressee = (address: string) => /^\s*"?([^"<]*?)"?\s*<[^>]+>\s*$/.exec(address)?.[1] || address;
