import { useState } from "react";
import type { Schemas } from "../../api/client";
import { Badge, Copy, Status } from "../../parts/bits";
import { Code, looksLikeJson, pretty } from "../../parts/code";
import { Segments } from "../../parts/field";
import { typeOf } from "../../parts/http";
import { Note } from "../../parts/page";
import { bytes, plural } from "../../words/text";
import css from "./deliveries.module.css";

type Attempt = Schemas["Attempt"];

/** What was sent and what came back, side by side. */
export function Exchange({ attempt }: { attempt: Attempt }) {
  const { request, response } = attempt;
  if (attempt.attempt_number === 0 && !request)
    return <Note kind="warn">No request was made: the delivery ended before. {attempt.error && sentence(attempt.error)}</Note>;
  if (!request) return <Note>What was sent is not shown: the webhook is of an account above.</Note>;
  return (
    <div className={css.exchange}>
      <Message
        title="Request"
        line={
          <>
            <Badge>{request.method}</Badge> <span className={css.url}>{request.url}</span> <Copy text={request.url} label="Copy the URL" />
          </>
        }
        headers={request.headers}
        body={request.body}
        none="The request had no body."
      />
      {response ? (
        <Message
          title="Response"
          line={
            <>
              <Status code={response.status} /> {attempt.error && <span className="muted">{sentence(attempt.error)}</span>}
            </>
          }
          headers={response.headers}
          body={response.body}
          none={response.hidden ? "It came from a private network: all but its status is kept back." : "The response had no body."}
        />
      ) : (
        <section className={css.message} aria-label="Response">
          <h3>Response</h3>
          <Note kind="bad">{attempt.error ? sentence(attempt.error) : "The receiver did not answer."}</Note>
        </section>
      )}
    </div>
  );
}

const sentence = (s: string) => s.charAt(0).toUpperCase() + s.slice(1).replace(/\.*$/, ".");

function Message({
  title,
  line,
  headers,
  body,
  none,
}: {
  title: string;
  line: React.ReactNode;
  headers: Record<string, string>;
  body: string;
  none: string;
}) {
  const [as, setAs] = useState<"pretty" | "raw">("pretty");
  const list = Object.entries(headers ?? {});
  const nice = as === "pretty" ? readable(body, typeOf(headers)) : body;
  return (
    <section className={css.message} aria-label={title}>
      <h3>{title}</h3>
      <div className={css.line}>{line}</div>
      <details className={css.headers}>
        <summary>{plural(list.length, "header")}</summary>
        <dl>
          {list.map(([n, v]) => (
            <div key={n}>
              <dt>{n}</dt>
              <dd>{v}</dd>
            </div>
          ))}
        </dl>
      </details>
      {body ? (
        <>
          <div className="row spread">
            <span className="muted small">Body, {bytes(new Blob([body]).size)}</span>
            <Segments<"pretty" | "raw">
              label={`${title} body as`}
              value={as}
              onChange={setAs}
              options={[
                { value: "pretty", label: "Pretty" },
                { value: "raw", label: "Raw" },
              ]}
            />
          </div>
          <Code text={nice} language={as === "pretty" && looksLikeJson(nice) ? "json" : "text"} label={`${title} body`} />
        </>
      ) : (
        <p className="muted">{none}</p>
      )}
    </section>
  );
}

/** A body as people read it: JSON with its lines, a form one field to a line. */
export function readable(body: string, type: string): string {
  if (/x-www-form-urlencoded/.test(type) && !looksLikeJson(body)) {
    const decode = (s: string) => {
      try {
        return decodeURIComponent(s.replaceAll("+", " "));
      } catch {
        return s;
      }
    };
    return body
      .split("&")
      .map((f) => f.split("=").map(decode).join(" = "))
      .join("\n");
  }
  return pretty(body);
}

/** A whole request or answer as a text that can be compared. */
export function asText(m: Schemas["HTTPRequest"] | Schemas["HTTPResponse"] | undefined): string {
  if (!m) return "";
  const first = "method" in m ? `${m.method} ${m.url}` : `${m.status}`;
  const headers = Object.entries(m.headers ?? {}).map(([n, v]) => `${n}: ${v}`);
  return [first, ...headers, "", readable(m.body, typeOf(m.headers))].join("\n");
}
