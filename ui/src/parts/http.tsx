import { type ReactNode, useState } from "react";
import type { Schemas } from "../api/client";
import { span } from "../words/time";
import { Badge, Copy, Status } from "./bits";
import { Code, looksLikeJson, pretty } from "./code";
import { Segments } from "./field";
import { Note } from "./page";
import css from "./http.module.css";

type Request = Pick<Schemas["HTTPRequest"], "method" | "url" | "headers" | "body">;

/** What the headers say of the body's kind. */
export const typeOf = (headers: Record<string, string> = {}) =>
  Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";

/** A request as it is sent: the method, the URL, the headers and the body. */
export function HttpRequest({ request, title = "Request" }: { request: Request; title?: string }) {
  return (
    <section className={css.message} aria-label={title}>
      <div className={css.line}>
        <Badge tone="info">{request.method}</Badge>
        <code className={css.url}>{request.url}</code>
        <Copy text={request.url} label="Copy the URL" />
      </div>
      <Headers headers={request.headers} />
      <Body text={request.body} type={typeOf(request.headers)} label={`${title} body`} nothing="No body: all is in the URL." />
    </section>
  );
}

/** An answer as it came: the status, the headers and the body, or what stood in its way. */
export function HttpResponse({
  response,
  error,
  took,
  title = "Answer",
}: {
  response?: Schemas["HTTPResponse"];
  error?: string;
  took?: number;
  title?: string;
}) {
  return (
    <section className={css.message} aria-label={title}>
      <div className={css.line}>
        <Status code={response?.status} error={error} />
        <span className="grow">{error}</span>
        {took !== undefined && <span className="muted small tabular">{span(took)}</span>}
      </div>
      {response?.hidden && (
        <Note>The receiver is in a private network: its answer’s headers and body are kept back unless the operator has them shown.</Note>
      )}
      {response && !response.hidden && (
        <>
          <Headers headers={response.headers} />
          <Body text={response.body} type={typeOf(response.headers)} label={`${title} body`} nothing="The body is empty." />
        </>
      )}
    </section>
  );
}

function Headers({ headers }: { headers: Record<string, string> }) {
  const all = Object.entries(headers);
  if (!all.length) return null;
  return (
    <details className={css.headers} open={all.length <= 8}>
      <summary>Headers ({all.length})</summary>
      <dl>
        {all.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Body({ text, type, label, nothing }: { text: string; type: string; label: string; nothing: ReactNode }) {
  const [as, setAs] = useState<"pretty" | "raw">("pretty");
  if (!text) return <p className="muted small">{nothing}</p>;
  const isJson = /json/.test(type) || looksLikeJson(text);
  const isForm = /form-urlencoded/.test(type);
  return (
    <div className="stack" style={{ "--gap": "var(--s2)" } as never}>
      {(isJson || isForm) && (
        <div>
          <Segments<"pretty" | "raw">
            label="Body as"
            value={as}
            onChange={setAs}
            options={[
              { value: "pretty", label: isForm ? "Fields" : "Pretty" },
              { value: "raw", label: "Raw" },
            ]}
          />
        </div>
      )}
      {as === "pretty" && isForm ? (
        <dl className={css.fields} aria-label={label} tabIndex={0}>
          {[...new URLSearchParams(text)].map(([name, value], i) => (
            <div key={i}>
              <dt>{name}</dt>
              <dd dir="auto">{value || <span className="muted">empty</span>}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <Code text={as === "pretty" && isJson ? pretty(text) : text} language={isJson ? "json" : "text"} label={label} />
      )}
    </div>
  );
}

/** A request and its answer, beside each other where there is room. */
export function Exchange({ attempt }: { attempt: Pick<Schemas["Attempt"], "request" | "response" | "error" | "duration_ms"> }) {
  return (
    <div className={css.exchange}>
      <div className="stack" style={{ "--gap": "var(--s2)" } as never}>
        <h3>Sent</h3>
        {attempt.request ? <HttpRequest request={attempt.request} /> : <p className="muted">Nothing could be sent.</p>}
      </div>
      <div className="stack" style={{ "--gap": "var(--s2)" } as never}>
        <h3>Came back</h3>
        <HttpResponse response={attempt.response} error={attempt.error} took={attempt.duration_ms} />
      </div>
    </div>
  );
}
