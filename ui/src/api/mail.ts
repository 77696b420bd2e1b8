import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "./client";
import type { operations } from "./schema";

export interface Addresses {
  type: "original" | "specified" | "admins";
  email_addresses?: string[];
}
type Known<T> = { [K in keyof T]: NonNullable<T[K]> extends Schemas["Addresses"] ? Addresses : NonNullable<T[K]> };
/** What is an account's own of a template. What is not there is inherited: there is no null but in a patch. */
export type Own = Partial<Known<Required<Schemas["OwnParts"]>>>;
export type Template = Omit<Schemas["Template"], "own"> & { own: Own };
export type TemplateSummary = Schemas["TemplateSummary"];
export type Version = Omit<Schemas["TemplateVersion"], keyof Own> & Own;
export type Macro = Schemas["Macro"];
export type Message = Schemas["MailMessage"];
export type Preview = Schemas["TemplatePreview"];
export type PreviewInput = Schemas["TemplatePreviewInput"];
export type Mail = Schemas["MailSummary"];
export type WholeMail = Schemas["Mail"];
export type Patch = { [K in keyof Own]?: Own[K] | null };
type MailFilter = operations["list-mails"]["parameters"]["query"];

const at = (id: string, account: string) => ({ path: { id }, query: { account_id: account } });

/** A template, and which version of it that is. */
export interface Tagged {
  template: Template;
  etag: string;
}
const tagged = ({ data, response }: { data?: Schemas["Template"]; response: Response }): Tagged => ({
  template: data as Template,
  etag: response.headers.get("ETag") ?? "",
});

/** The templates as they are for an account. */
export const templates = {
  list: async (account: string) =>
    (await body(api.GET("/v1/templates", { params: { query: { account_id: account, limit: 1000 } } }))).items,
  get: async (id: string, account: string) => tagged(await api.GET("/v1/templates/{id}", { params: at(id, account) })),
  change: async (id: string, account: string, etag: string | undefined, patch: Patch) =>
    tagged(
      await api.PATCH("/v1/templates/{id}", {
        params: { ...at(id, account), header: etag ? { "If-Match": etag } : {} },
        body: patch as never,
      }),
    ),
  create: (account: string, made: Schemas["TemplateInput"]) =>
    body(api.POST("/v1/templates", { params: { query: { account_id: account } }, body: made })),
  revert: (id: string, account: string) => api.DELETE("/v1/templates/{id}", { params: at(id, account) }),
  versions: async (id: string, account: string) =>
    (await body(api.GET("/v1/templates/{id}/versions", { params: at(id, account) }))).items as Version[],
  restore: (id: string, account: string, version: number) =>
    api.POST("/v1/templates/{id}/versions/{version}/restore", { params: { path: { id, version }, query: { account_id: account } } }),
  preview: (id: string, account: string, asked: PreviewInput, signal?: AbortSignal) =>
    body(api.POST("/v1/templates/{id}/preview", { params: at(id, account), body: asked, signal })),
};

/** Mails and text messages as they were sent. */
export const mails = {
  list: (filter: MailFilter) => body(api.GET("/v1/mails", { params: { query: filter } })),
  get: (id: string) => body(api.GET("/v1/mails/{id}", { params: { path: { id } } })),
  resend: (id: string) => body(api.POST("/v1/mails/{id}/resend", { params: { path: { id } } })),
};

/** How mail fares. */
export const mailState = queryOptions({
  queryKey: ["mail"],
  queryFn: () => body(api.GET("/v1/mail")),
  refetchInterval: 10_000,
});
