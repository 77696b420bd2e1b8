import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** A refusal as the API tells it: an RFC 9457 problem document, or what stands for one when nothing came back. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly fields: { field: string; message: string }[] = [],
    readonly retryAfter?: number,
  ) {
    super(detail);
  }

  /** The sentence about one field, if there is one. */
  about(field: string): string | undefined {
    return this.fields.find((f) => f.field === field || f.field.startsWith(field + "[") || f.field.startsWith(field + "."))?.message;
  }
}

/** Reads what a refusal says. */
export async function problemOf(answer: Response): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
  const fields = (body.errors ?? []).map((e) => ({ field: e.field ?? "", message: e.message ?? "" }));
  const wait = Number(answer.headers.get("Retry-After"));
  return new Problem(
    answer.status,
    body.code ?? "",
    body.detail ?? (answer.statusText || "The server did not say why."),
    fields,
    wait || undefined,
  );
}

/** Told when the server no longer knows who we are. */
export const signedOut = new EventTarget();

const refusals: Middleware = {
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    const problem = await problemOf(response);
    if (problem.status === 401 && schemaPath !== "/v1/session") signedOut.dispatchEvent(new Event("signed-out"));
    throw problem;
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    return new Problem(0, "unreachable", "The server cannot be reached. Is it running?");
  },
};

/** The API, typed by its own document. The session's cookie says who asks; what is refused is thrown as a Problem. */
export const api = createClient<paths>({ baseUrl: "/", cache: "no-store", credentials: "same-origin" });
api.use(refusals);

/** The body of an answer that is not a refusal. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  return (await answer).data as NonNullable<T>;
}
