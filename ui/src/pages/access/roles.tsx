/** What the roles may do, in words. */
export const roles = {
  viewer: "Read everything, and change nothing.",
  developer: "Also make webhooks, test and replay them, change the directory, and send events.",
  admin: "Everything in the account and those below: also accounts, keys, users and sources.",
  ingest: "Send events in, and nothing else: for phone systems and other programs.",
} as const;

export type Role = keyof typeof roles;

export const roleOptions = (...which: Role[]) => which.map((value) => ({ value, label: value, hint: roles[value] }));
