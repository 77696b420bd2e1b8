import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Link2, Monitor, Moon, Search, Sun } from "lucide-react";
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { api, body, problemOf } from "../../api/client";
import { Button } from "../../parts/button";
import { Empty, Failure, Skeleton } from "../../parts/page";
import { showBrand } from "../../shell/brand";
import { choose, useTheme } from "../../shell/theme";
import { type Call, contentOf, type Document, inner, type Operation, sections } from "./document";
import { FieldRow, Fields, Fold, inline, Prose, Snippet } from "./parts";
import { answer, curl, sample } from "./sample";
import css from "./reference.module.css";

async function readDocument(): Promise<Document> {
  const answered = await fetch("/openapi.json", { headers: { Accept: "application/json" } });
  if (!answered.ok) throw await problemOf(answered);
  return (await answered.json()) as Document;
}

/** The API's description, readable: for whoever comes, signed in or not. */
export default function ReferencePage() {
  const description = useQuery({ queryKey: ["openapi"], queryFn: readDocument, staleTime: Number.POSITIVE_INFINITY });
  const ways = useQuery({ queryKey: ["session"], queryFn: () => body(api.GET("/v1/session/ways")), staleTime: Number.POSITIVE_INFINITY });
  const brand = ways.data?.session?.brand ?? ways.data?.brand;
  useEffect(() => {
    showBrand(brand);
    document.title = `API reference · ${brand?.name ?? "Switchhook"}`;
  }, [brand]);
  return (
    <div className={css.page}>
      <header className={css.top}>
        <a href="/" className={css.brand}>
          <img src={brand?.logo ?? "/icon.svg"} alt="" height={26} />
          <bdi className="truncate">{brand?.name ?? "Switchhook"}</bdi>
          <span>API reference</span>
        </a>
        <a href="/openapi.json" className={css.raw}>
          OpenAPI
        </a>
        <ThemeButton />
        <a href="/" className={css.home}>
          <ArrowLeft size={16} aria-hidden />
          {ways.data?.session ? "Dashboard" : "Sign in"}
        </a>
      </header>
      {description.data ? (
        <Whole d={description.data} />
      ) : (
        <main className={css.main}>
          {description.error ? <Failure error={description.error} again={() => void description.refetch()} /> : <Skeleton lines={8} />}
        </main>
      )}
    </div>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const next = { system: "light", light: "dark", dark: "system" } as const;
  const icon = { system: Monitor, light: Sun, dark: Moon }[theme];
  return <Button kind="quiet" icon={icon} aria-label={`Theme: ${theme}. Change to ${next[theme]}`} onClick={() => choose(next[theme])} />;
}

const hay = (c: Call) =>
  `${c.method} ${c.path} ${c.operation.operationId} ${c.operation.summary ?? ""} ${c.operation.description ?? ""}`.toLowerCase();

function Whole({ d }: { d: Document }) {
  const [q, setQ] = useState("");
  const sought = useDeferredValue(q.trim().toLowerCase());
  const all = useMemo(() => sections(d), [d]);
  const events = useMemo(() => Object.entries(d.webhooks ?? {}).map(([type, o]) => ({ type, operation: o.post })), [d]);
  const words = useMemo(() => sought.split(/\s+/).filter(Boolean), [sought]);
  const fits = useMemo(() => (text: string) => words.every((w) => text.includes(w)), [words]);
  const shown = useMemo(
    () => (words.length ? all.map((s) => ({ ...s, calls: s.calls.filter((c) => fits(hay(c))) })).filter((s) => s.calls.length) : all),
    [all, words, fits],
  );
  const told = useMemo(
    () => (words.length ? events.filter((e) => fits(`${e.type} ${e.operation.summary ?? ""} event`.toLowerCase())) : events),
    [events, words, fits],
  );
  const parts = useMemo(
    () => ["top", ...shown.flatMap((x) => x.calls.map((c) => c.operation.operationId)), ...told.map((e) => e.operation.operationId)],
    [shown, told],
  );
  const [here, setHere] = useState("");
  const [open, setOpen] = useState(false);
  const find = useRef<HTMLInputElement>(null);

  // What an address names is shown once it is there.
  useEffect(() => {
    const go = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    go();
    const key = (e: KeyboardEvent) => {
      if (e.key !== "/" || (e.target as Element).closest?.("input,textarea")) return;
      e.preventDefault();
      find.current?.focus();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  // The contents mark what is looked at.
  useEffect(() => {
    const watch = new IntersectionObserver(
      (entries) => {
        const top = entries.filter((e) => e.isIntersecting).at(-1);
        if (top) setHere(top.target.id);
      },
      { rootMargin: "-80px 0px -70% 0px" },
    );
    for (const id of parts) {
      const part = document.getElementById(id);
      if (part) watch.observe(part);
    }
    return () => watch.disconnect();
  }, [parts]);

  return (
    <div className={css.columns}>
      <aside className={css.side}>
        <div className={css.find}>
          <Search size={16} aria-hidden />
          <input
            ref={find}
            type="search"
            aria-label="Find"
            placeholder="Find: webhook, replay, call.answered…"
            value={q}
            onChange={(e) => setQ(e.target.value)}
          />
          <kbd>/</kbd>
        </div>
        <Button className={css.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
          Contents
        </Button>
        <nav aria-label="Contents" data-open={open || undefined}>
          {!words.length && (
            <a href="#top" aria-current={here === "top" ? "true" : undefined} onClick={() => setOpen(false)}>
              Introduction
            </a>
          )}
          {shown.map((s) => (
            <div key={s.name}>
              <h2>{s.name}</h2>
              {s.calls.map((c) => (
                <a
                  key={c.operation.operationId}
                  href={`#${c.operation.operationId}`}
                  aria-current={here === c.operation.operationId ? "true" : undefined}
                  onClick={() => setOpen(false)}
                >
                  <span className="truncate">{c.operation.summary}</span>
                  <Method of={c.method} />
                </a>
              ))}
            </div>
          ))}
          {told.length > 0 && (
            <div>
              <h2>What webhooks are sent</h2>
              {told.map((e) => (
                <a
                  key={e.type}
                  href={`#${e.operation.operationId}`}
                  aria-current={here === e.operation.operationId ? "true" : undefined}
                  onClick={() => setOpen(false)}
                >
                  <code className="truncate">{e.type}</code>
                </a>
              ))}
            </div>
          )}
        </nav>
      </aside>
      <main className={css.main}>
        {!words.length && (
          <section className={css.intro} id="top">
            <h1>API reference</h1>
            <p className="muted">
              {d.info.title} {d.info.version} · {all.reduce((n, s) => n + s.calls.length, 0)} operations, {events.length} types of events
            </p>
            <Prose text={d.info.description} />
          </section>
        )}
        {words.length > 0 && <h1 className="unseen">API reference: {q}</h1>}
        {!shown.length && !told.length && (
          <Empty icon={Search} title={`Nothing has “${q}” in it`} action={<Button onClick={() => setQ("")}>Clear the search</Button>}>
            Names, paths and descriptions are looked through.
          </Empty>
        )}
        {shown.map((s) => (
          <section key={s.name} className={css.section}>
            <div className={css.sectionHead}>
              <h2>{s.name}</h2>
              {s.about && <p>{inline(s.about)}</p>}
            </div>
            {s.calls.map((c) => (
              <OperationPart key={c.operation.operationId} d={d} call={c} />
            ))}
          </section>
        ))}
        {told.length > 0 && (
          <section className={css.section}>
            <div className={css.sectionHead}>
              <h2>What webhooks are sent</h2>
              <p>
                The body of each event in Switchhook’s own shape. Other dialects have their own: GET /v1/event-types/{"{type}"} shows each.
                Any 2xx says that it has arrived.
              </p>
            </div>
            {told.map((e) => (
              <EventPart key={e.type} d={d} type={e.type} operation={e.operation} />
            ))}
          </section>
        )}
      </main>
    </div>
  );
}

const Method = ({ of }: { of: string }) => (
  <span className={css.method} data-method={of}>
    {of === "delete" ? "DEL" : of.toUpperCase()}
  </span>
);

function Anchor({ id, label }: { id: string; label: string }) {
  return (
    <a href={`#${id}`} className={css.anchor} aria-label={`Link to ${label}`}>
      <Link2 size={16} aria-hidden />
    </a>
  );
}

const OperationPart = memo(function OperationPart({ d, call }: { d: Document; call: Call }) {
  const op = call.operation;
  const [description, role] = splitRole(op.description);
  const request = contentOf(op.requestBody?.content);
  const back = answer(d, call);
  const response = contentOf(op.responses[back.status]?.content);
  const has = (schema: Parameters<typeof inner>[1]) => Object.keys(inner(d, schema).properties ?? {}).length > 0;
  return (
    <article className={css.operation} id={op.operationId}>
      <div className={css.words}>
        <h3>
          {op.summary}
          <Anchor id={op.operationId} label={op.summary ?? op.operationId} />
        </h3>
        <p className={css.path}>
          <Method of={call.method} />
          <code>{call.path}</code>
        </p>
        <Prose text={description} />
        {role && <p className={css.role}>{role}</p>}
        {op.parameters && op.parameters.length > 0 && (
          <>
            <h4>Parameters</h4>
            <ul className={css.fields}>
              {op.parameters.map((p) => (
                <FieldRow
                  key={p.in + p.name}
                  d={d}
                  name={p.name}
                  where={p.in}
                  schema={p.schema ?? {}}
                  required={p.required}
                  about={p.description}
                />
              ))}
            </ul>
          </>
        )}
        {request && (
          <>
            <h4>
              Body <span>{Object.keys(op.requestBody?.content ?? {}).join(" or ")}</span>
            </h4>
            {has(request.schema) ? <Fields d={d} schema={request.schema ?? {}} /> : <p className="muted">Whatever it is.</p>}
          </>
        )}
        {response && has(response.schema) && (
          <Fold title={`Fields of the answer (${back.status})`}>{() => <Fields d={d} schema={response.schema ?? {}} />}</Fold>
        )}
      </div>
      <div className={css.samples}>
        <Snippet language="shell" title="Request" text={curl(d, call, location.origin)} />
        {back.text ? (
          <Snippet title={`Answer: ${back.status} ${back.about}`} text={back.text} />
        ) : (
          <p className={css.noBody}>
            Answer: <b>{back.status || "—"}</b> {back.about}
          </p>
        )}
      </div>
    </article>
  );
});

/** The last paragraph says who may. */
function splitRole(text = ""): [string, string | undefined] {
  const paragraphs = text.split("\n\n");
  const last = paragraphs.at(-1);
  return last?.startsWith("Role: ") ? [paragraphs.slice(0, -1).join("\n\n"), last] : [text, undefined];
}

const EventPart = memo(function EventPart({ d, type, operation: op }: { d: Document; type: string; operation: Operation }) {
  const content = contentOf(op.requestBody?.content);
  const data = inner(d, content?.schema).properties?.data ?? {};
  return (
    <article className={css.operation} id={op.operationId}>
      <div className={css.words}>
        <h3>
          <code>{type}</code>
          <Anchor id={op.operationId} label={type} />
        </h3>
        <Prose text={op.summary} />
        <Prose text={op.description} />
        <Fold title="Fields of data">{() => <Fields d={d} schema={data} />}</Fold>
      </div>
      <div className={css.samples}>
        <Fold title="Example">{() => <Snippet title={type} text={JSON.stringify(sample(d, content?.schema, true), null, 2)} />}</Fold>
      </div>
    </article>
  );
});
