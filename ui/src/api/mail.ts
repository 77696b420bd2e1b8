import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";

export interface Addresses {
  type: "original" | "specified" | "admins";
  email_addresses?: string[];
}
export interface Own {
  name?: string;
  enabled?: boolean;
  subject?: string;
  text?: string;
  html?: string;
  from?: string;
  reply_to?: string;
  to?: Addresses;
  cc?: Addresses;
  bcc?: Addresses;
}
export interface Part<T> {
  value: T;
  account_id: string;
  version: number;
}
export type Parts = { [K in keyof Required<Own>]: Part<Required<Own>[K]> };
export interface TemplateSummary {
  id: string;
  account_id: string;
  name: string;
  category: string;
  description?: string;
  event_types: string[];
  enabled: boolean;
  recipients: Addresses["type"];
  changed: string[];
  inherited_from?: string;
  custom: boolean;
  version: number;
  updated_at?: string;
}
export interface Macro {
  name: string;
  meaning: string;
  sample?: string;
}
export interface Template extends TemplateSummary {
  parts: Parts;
  own: Own;
  inherited?: Parts;
  updated_by?: string;
  macros: Macro[];
}
export interface Version extends Own {
  version: number;
  updated_at: string;
  updated_by?: string;
  reverted: boolean;
}
export interface Attachment {
  name: string;
  type?: string;
  url?: string;
}
export interface Message {
  from: string;
  to: string[];
  cc?: string[];
  bcc?: string[];
  reply_to?: string[];
  subject: string;
  text?: string;
  html?: string;
  attachments?: Attachment[];
  template: { id: string; account_id?: string; version?: number };
}
export interface TestAttempt {
  outcome: string;
  error?: string;
  response?: { status: number; body: string };
}
export interface Preview {
  message: Message;
  html_url?: string;
  notes: string[];
  attempt?: TestAttempt;
}
export interface Mail {
  id: string;
  delivery_id: string;
  event_id: string;
  event_type: string;
  account_id: string;
  medium: "email" | "sms";
  template: { id: string; account_id?: string; version?: number };
  from: string;
  to: string[];
  cc?: string[];
  bcc?: string[];
  subject: string;
  outcome: string;
  delivery_state: string;
  attempt_number: number;
  answer?: string;
  status?: number;
  error?: string;
  accepted?: string[];
  refused?: { address: string; answer: string }[];
  started_at: string;
  next_attempt_at?: string;
}
export interface WholeMail extends Mail {
  text?: string;
  html?: string;
  reply_to?: string[];
  attachments?: Attachment[];
  html_url?: string;
}
export interface MailState {
  email: boolean;
  sms: boolean;
  server?: string;
  from?: string;
  catcher?: boolean;
  waiting: number;
  oldest_waiting_at?: string;
  failing_since?: string;
  last_error?: string;
}

// oxlint-disable-next-line no-explicit-any
const loose = api as any;

const at = (id: string, account?: string) => ({ path: { id }, query: { account_id: account } });

export interface Tagged {
  template: Template;
  etag: string;
}
const tagged = ({ data, response }: { data: Template; response: Response }): Tagged => ({
  template: data,
  etag: response.headers.get("ETag") ?? "",
});

/** The templates of an account: without one, of who is signed in. */
export const templates = {
  list: async (account?: string): Promise<TemplateSummary[]> =>
    (await loose.GET("/v1/templates", { params: { query: { account_id: account } } })).data.items,
  get: async (id: string, account?: string) => tagged(await loose.GET("/v1/templates/{id}", { params: at(id, account) })),
  change: async (id: string, account: string | undefined, etag: string | undefined, patch: Patch) =>
    tagged(
      await loose.PATCH("/v1/templates/{id}", { params: { ...at(id, account), header: etag ? { "If-Match": etag } : {} }, body: patch }),
    ),
  create: async (account: string | undefined, made: Own & { id: string }): Promise<Template> =>
    (await loose.POST("/v1/templates", { params: { query: { account_id: account } }, body: made })).data,
  revert: (id: string, account: string | undefined): Promise<unknown> => loose.DELETE("/v1/templates/{id}", { params: at(id, account) }),
  versions: async (id: string, account?: string): Promise<Version[]> =>
    (await loose.GET("/v1/templates/{id}/versions", { params: at(id, account) })).data.items,
  restore: (id: string, account: string | undefined, version: number): Promise<unknown> =>
    loose.POST("/v1/templates/{id}/versions/{version}/restore", {
      params: { path: { id, version }, query: { account_id: account } },
    }),
  preview: async (id: string, account: string | undefined, asked: PreviewInput, signal?: AbortSignal): Promise<Preview> =>
    (await loose.POST("/v1/templates/{id}/preview", { params: at(id, account), body: asked, signal })).data,
};

/** How mail fares. */
export const mailState = queryOptions({
  queryKey: ["mail"],
  queryFn: async (): Promise<MailState> => (await loose.GET("/v1/mail", {})).data,
  refetchInterval: 10_000,
});

export interface MailFilter {
  [name: string]: string | number | undefined;
}
export const mails = {
  list: async (filter: MailFilter): Promise<{ items: Mail[]; next_cursor?: string | null }> =>
    (await loose.GET("/v1/mails", { params: { query: filter } })).data,
  get: async (id: string): Promise<WholeMail> => (await loose.GET("/v1/mails/{id}", { params: { path: { id } } })).data,
  resend: (id: string): Promise<unknown> => loose.POST("/v1/mails/{id}/resend", { params: { path: { id } } }),
};

export interface CustomerUpdate {
  account_id?: string;
  recipient_id?: string;
  user_type?: string;
  subject?: string;
  text?: string;
  html?: string;
  dry_run?: boolean;
}
export const customerUpdate = async (
  update: CustomerUpdate,
): Promise<{ event_id?: string; mails: number; accounts?: number; recipients?: string[]; reason?: string }> =>
  (await loose.POST("/v1/customer-updates", { body: update })).data;

export type Patch = { [K in keyof Own]?: Own[K] | null };
export type PreviewInput = Omit<Own, "name" | "enabled"> & { event_id?: string; event_type?: string; data?: unknown; send_to?: string[] };
