// A message to customers, while it is being written.
import { api, body, type Schemas } from "../../api/client";
import { templates } from "../../api/mail";
import { plural } from "../../words/text";

export interface Update {
  scope: "below" | "one";
  /** The account, of scope one. */
  recipient: string;
  people: "admins_only" | "all_users" | "user";
  /** The user's id, of people user. */
  user: string;
  /** design: a few words in the template's design; own: HTML and text of one's own. */
  kind: "design" | "own";
  subject: string;
  message: string;
  link: string;
  html: string;
  text: string;
}

export const nothing: Update = {
  scope: "below",
  recipient: "",
  people: "admins_only",
  user: "",
  kind: "design",
  subject: "",
  message: "",
  link: "",
  html: "",
  text: "",
};

/** Whether there is something to be sent. */
export const said = (u: Update) =>
  u.subject.trim() !== "" && (u.kind === "design" ? u.message : u.html + u.text).trim() !== "" && (u.people !== "user" || u.user !== "");

const filled = <T extends Record<string, string>>(values: T) => Object.fromEntries(Object.entries(values).filter(([, v]) => v.trim()));

const content = (u: Update) =>
  u.kind === "design"
    ? { databag: filled({ subject: u.subject, message: u.message, link: u.link }) }
    : filled({ subject: u.subject, text: u.text, html: u.html });

export function inputOf(owner: string, u: Update): Schemas["CustomerUpdateInput"] {
  return {
    account_id: owner,
    ...(u.scope === "one" ? { recipient_id: u.recipient } : {}),
    template_id: "customer_update",
    user_type: u.people === "user" ? u.user || "admins_only" : u.people,
    ...content(u),
  };
}

/** How many get it. It can be counted before there is anything to say. */
export async function count(owner: string, u: Update): Promise<Schemas["CustomerUpdateCount"]> {
  const input = inputOf(owner, u);
  const some = u.kind === "design" ? u.message.trim() : u.text.trim() + u.html.trim();
  return (await body(
    api.POST("/v1/customer-updates", { body: { ...input, ...(some ? {} : { databag: { message: "…" } }), dry_run: true } }),
  )) as Schemas["CustomerUpdateCount"];
}

export const send = (input: Schemas["CustomerUpdateInput"]) =>
  body(api.POST("/v1/customer-updates", { body: input })) as Promise<Schemas["CustomerUpdateSent"]>;

/** The mail that one of them gets. */
export function previewMail(owner: string, u: Update, signal?: AbortSignal) {
  const { databag, ...notification } = content(u) as { databag?: Record<string, string> };
  const data = { ...(databag ? { databag } : {}), ...(Object.keys(notification).length ? { notification } : {}) };
  return templates.preview("customer_update", owner, { event_type: "account.customer_update", data }, signal);
}

/** Whom it goes to, in words. */
export function peopleWords(u: Update, mails?: number): string {
  const each = u.people === "admins_only" ? "each administrator" : u.people === "all_users" ? "each user" : "the user";
  return mails ? `${each} (${plural(mails, "mail")})` : each;
}
