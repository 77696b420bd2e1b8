import type { Schemas } from "../../../api/client";
import type { Pair } from "../../../parts/pairs";
import { firstTemplate } from "./dialects";

export type Input = Schemas["WebhookInput"];
export type Hook = Schemas["Webhook"];
type Auth = NonNullable<Input["auth"]>;

/** A webhook as it is being written: each setting as its field has it, "" where nothing was said. */
export interface Draft {
  account: string;
  name: string;
  url: string;
  auth: Auth | { type: "" };
  headers: Pair[];
  tls: { ca: string; certificate: string; key: string };
  events: string[];
  scope: { numbers: string[]; extensions: string[]; ring_groups: string[]; queues: string[] };
  subaccounts: boolean;
  internalLegs: boolean;
  filter: string;
  dialect: string;
  format: string;
  method: string;
  options: Record<string, unknown>;
  customData: Pair[];
  modifiers: Record<string, unknown> | undefined;
  retry: "standard" | "none" | "kazoo" | "own";
  schedule: string;
  tries: string;
  timeout: string;
  hold: string;
  ordering: string;
  maxAge: string;
  rate: string;
  concurrency: string;
  mask: string[];
  signing: string;
}

export const empty: Draft = {
  account: "",
  name: "",
  url: "",
  auth: { type: "" },
  headers: [],
  tls: { ca: "", certificate: "", key: "" },
  events: [],
  scope: { numbers: [], extensions: [], ring_groups: [], queues: [] },
  subaccounts: false,
  internalLegs: true,
  filter: "",
  dialect: "switchhook",
  format: "",
  method: "",
  options: {},
  customData: [],
  modifiers: undefined,
  retry: "standard",
  schedule: "5s, 1m, 10m",
  tries: "",
  timeout: "",
  hold: "",
  ordering: "",
  maxAge: "",
  rate: "",
  concurrency: "",
  mask: [],
  signing: "",
};

/** A draft as the API takes it. What was not said is left out, and has its default. */
export function inputOf(d: Draft): Input {
  const scope = Object.fromEntries(Object.entries(d.scope).filter(([, list]) => list.length));
  const tls = Object.fromEntries(Object.entries(d.tls).filter(([, pem]) => pem.trim()));
  return leftOut({
    account_id: d.account,
    name: d.name.trim(),
    url: d.url.trim(),
    auth: d.auth.type ? leftOut(d.auth) : undefined,
    headers: pairs(d.headers),
    tls: Object.keys(tls).length ? tls : undefined,
    events: d.events,
    scope: Object.keys(scope).length ? scope : undefined,
    include_subaccounts: d.subaccounts || undefined,
    include_internal_legs: d.internalLegs ? undefined : false,
    filter: d.filter.trim(),
    dialect: d.dialect,
    format: d.format,
    method: d.method,
    dialect_options: some(leftOut(d.options)),
    custom_data: pairs(d.customData),
    modifiers: d.modifiers,
    retry: retryOf(d),
    timeout: d.timeout.trim(),
    hold: d.hold.trim(),
    ordering: d.ordering,
    max_age: d.maxAge.trim(),
    rate_limit: number(d.rate),
    max_concurrency: number(d.concurrency),
    mask: d.mask.length ? d.mask : undefined,
    signing: d.signing,
  }) as Input;
}

function retryOf(d: Draft): Input["retry"] {
  if (d.retry === "own") return { schedule: d.schedule.split(/[,\s]+/).filter(Boolean) };
  if (d.retry === "standard") return undefined;
  return leftOut({ policy: d.retry, tries: d.retry === "kazoo" ? number(d.tries) : undefined }) as Input["retry"];
}

/** A number; what is none goes as it is, so that the API says what it expects. */
function number(text: string): number | undefined {
  const t = text.trim();
  if (!t) return undefined;
  return Number.isFinite(Number(t)) ? Number(t) : (t as unknown as number);
}

const pairs = (list: Pair[]) => some(Object.fromEntries(list.filter(([name]) => name.trim()).map(([name, value]) => [name.trim(), value])));

const some = <T extends object>(o: T) => (Object.keys(o).length ? o : undefined);

const leftOut = (o: object) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined && v !== ""));

/** A webhook as a draft of its change. */
export function draftOf(w: Hook): Draft {
  const list = (of?: Record<string, string>) => Object.entries(of ?? {});
  return {
    account: w.account_id,
    name: w.name,
    url: w.url,
    auth: w.auth ? (w.auth as Auth) : { type: "" },
    headers: list(w.headers),
    tls: { ca: "", certificate: "", key: "", ...w.tls },
    events: w.events,
    scope: { ...empty.scope, ...w.scope },
    subaccounts: w.include_subaccounts,
    internalLegs: w.include_internal_legs,
    filter: w.filter ?? "",
    dialect: w.dialect,
    format: w.format ?? "",
    method: w.method ?? "",
    options: w.dialect_options ?? {},
    customData: list(w.custom_data),
    modifiers: w.modifiers,
    retry: w.retry.schedule?.length ? "own" : ((w.retry.policy || "standard") as Draft["retry"]),
    schedule: w.retry.schedule?.join(", ") ?? empty.schedule,
    tries: w.retry.tries ? String(w.retry.tries) : "",
    timeout: unless(w.timeout, "15s"),
    hold: unless(w.hold, "30s"),
    ordering: unless(w.ordering, "key"),
    maxAge: w.max_age ?? "",
    rate: w.rate_limit ? String(w.rate_limit) : "",
    concurrency: w.max_concurrency === 16 ? "" : String(w.max_concurrency),
    mask: w.mask ?? [],
    signing: unless(w.signing ?? "hmac", "hmac"),
  };
}

const unless = (value: string, usual: string) => (value === usual ? "" : value);

type Json = Record<string, unknown>;
const isObject = (v: unknown): v is Json => typeof v === "object" && v !== null && !Array.isArray(v);

/** The JSON Merge Patch (RFC 7396) that makes of one document the other; undefined where they are the same. */
export function mergePatch(before: Json, after: Json): Json | undefined {
  const patch: Json = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[name], after[name]];
    if (is === undefined) patch[name] = null;
    else if (isObject(was) && isObject(is)) {
      const inner = mergePatch(was, is);
      if (inner) patch[name] = inner;
    } else if (JSON.stringify(was) !== JSON.stringify(is)) patch[name] = is;
  }
  return Object.keys(patch).length ? patch : undefined;
}

/** What an address asks to be filled in: ?url=, ?events=call.*,message.*, ?scope_numbers=+1202…, ?dialect=, ?name=, ?filter=, ?account=. */
export function draftOfAddress(params: URLSearchParams, account: string): Draft {
  const list = (name: string) => params.getAll(name).flatMap((v) => v.split(",").flatMap((part) => part.trim() || []));
  const text = (name: string) => params.get(name) ?? "";
  const lists = Object.keys(empty.scope) as (keyof Draft["scope"])[];
  return {
    ...empty,
    account: text("account") || account,
    url: text("url"),
    name: text("name"),
    filter: text("filter"),
    dialect: text("dialect") || empty.dialect,
    options: text("dialect") === "template" ? { body: firstTemplate } : {},
    events: list("events"),
    // A + in an address means a blank, and is often not escaped: no number begins with one.
    scope: Object.fromEntries(
      lists.map((kind) => [
        kind,
        params.getAll("scope_" + kind).flatMap((v) => v.split(",").flatMap((n) => n.replace(/^ (?=\d)/, "+").trim() || [])),
      ]),
    ) as unknown as Draft["scope"],
  };
}
