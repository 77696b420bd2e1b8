import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, useState } from "react";
import { api, body, Problem, type Schemas } from "../../../api/client";
import { useSettled } from "../../../api/settled";
import { type Draft, type Input, inputOf } from "./draft";

/** The form that a field belongs to. */
export interface Form {
  draft: Draft;
  set(change: Partial<Draft>): void;
  /** What is wrong with a field, by the API's name of it. always: say so while it is being written, too. */
  error(field: string, always?: boolean): string | undefined;
  editing: boolean;
  preview: Preview;
}

const Context = createContext<Form | undefined>(undefined);
export const FormProvider = Context.Provider;

export function useForm(): Form {
  const form = useContext(Context);
  if (!form) throw new Error("no form");
  return form;
}

/** Which event is shown: a type's sample, or one that was accepted. */
export interface Shown {
  type?: string;
  event?: string;
}

export interface Preview {
  /** The request, of the last draft that was right. */
  request?: Schemas["Preview"];
  /** What is wrong with the draft as it is. */
  problem?: Problem;
  busy: boolean;
}

// Stands for what is not said yet, so that there is something to see from the first moment on.
const nowhere = "https://example.com/hook";

/** The exact request that the draft would make, and what is wrong with it: asked for again whenever it changes. */
export function usePreview(draft: Draft, shown: Shown): Preview {
  const input = inputOf(draft);
  const asked: Input = { ...input, url: input.url || nowhere, events: input.events?.length ? input.events : ["*"] };
  // A private key that is masked is no key; it says nothing about the request.
  if (asked.tls?.key?.startsWith("***")) delete asked.tls;
  const text = useSettled(JSON.stringify({ webhook: asked, type: shown.event ? undefined : shown.type, event_id: shown.event }));
  const query = useQuery({
    queryKey: ["preview", text],
    queryFn: ({ signal }) => ask(JSON.parse(text) as Schemas["PreviewInput"], signal),
    retry: false,
    staleTime: 60_000,
    gcTime: 60_000,
  });
  const [last, setLast] = useState(query.data?.request);
  if (query.data?.request && query.data.request !== last) setLast(query.data.request);
  return { request: last, problem: query.data?.problem, busy: query.isFetching };
}

/** The request; what is wrong with the URL alone does not hide the rest. */
async function ask(input: Schemas["PreviewInput"], signal: AbortSignal): Promise<Omit<Preview, "busy">> {
  const of = (b: Schemas["PreviewInput"]) => body(api.POST("/v1/webhooks/preview", { body: b, signal }));
  try {
    return { request: await of(input) };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (input.webhook.url === nowhere || !problem.fields.length || problem.fields.some((f) => f.field !== "webhook.url"))
      return { problem };
    return { request: await of({ ...input, webhook: { ...input.webhook, url: nowhere } }).catch(() => undefined), problem };
  }
}

/** Records of a schema of the account, to suggest. */
export function useRecords(schema: string, account: string) {
  return useQuery({
    queryKey: ["records", "suggested", schema, account],
    queryFn: () =>
      body(api.GET("/v1/records", { params: { query: { schema, account_id: account || undefined, limit: 200 } } })).then((p) => p.items),
    staleTime: 60_000,
  });
}
