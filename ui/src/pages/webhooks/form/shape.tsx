import { useQuery } from "@tanstack/react-query";
import { useCatalogue } from "../../../api/catalogue";
import { api, body } from "../../../api/client";
import { Copy } from "../../../parts/bits";
import { JsonInput } from "../../../parts/code";
import { Choices, Field, Input, Select } from "../../../parts/field";
import { Pairs } from "../../../parts/pairs";
import { plural } from "../../../words/text";
import { selected } from "../selection";
import { dialectOf, type Dialect, firstTemplate, type Option, placeholders } from "./dialects";
import { sends } from "./events";
import { useForm } from "./state";
import css from "./shape.module.css";

/** Step three: in which shape it gets them. */
export function Shape() {
  const { draft, set, error } = useForm();
  const info = useQuery({ queryKey: ["info"], queryFn: () => body(api.GET("/v1/info")), staleTime: Number.POSITIVE_INFINITY });
  const { data: types = [] } = useCatalogue();
  const on = selected(draft.events, types);
  const offered = [...new Set([...(info.data?.dialects ?? ["switchhook"]), draft.dialect])].map(dialectOf);
  offered.sort((a, b) => rank(a.name) - rank(b.name));
  const dialect = dialectOf(draft.dialect);
  const choose = (name: string) =>
    set({
      dialect: name,
      format: "",
      method: "",
      options: name === "template" ? { body: firstTemplate } : {},
      customData: [],
      modifiers: undefined,
    });
  return (
    <div className="stack" style={{ "--gap": "var(--s5)" } as never}>
      <Choices
        legend="Shape of the requests"
        columns={2}
        value={draft.dialect}
        onChange={choose}
        options={offered.map((d) => ({
          value: d.name,
          label: d.title,
          hint: `${d.sentence}${on.length ? " " + has(on.filter((t) => sends(t, d.name)).length, on.length) : ""}`,
        }))}
      />
      {error("dialect") && <p className={css.error}>{error("dialect")}</p>}
      {draft.dialect === "template" && <Template />}
      <Settings dialect={dialect} />
    </div>
  );
}

const order = ["switchhook", "kazoo", "voipbin", "teli", "primevox", "template"];
const rank = (name: string) => (order.indexOf(name) + 100) % 100;

const has = (some: number, all: number) =>
  some === all
    ? "Has all of the chosen events."
    : some
      ? `Has ${some} of the ${plural(all, "chosen event")}.`
      : "Has none of the chosen events.";

function Settings({ dialect }: { dialect: Dialect }) {
  const { draft, set, error } = useForm();
  return (
    <>
      {(dialect.formats || dialect.methods || dialect.options.length > 0) && (
        <div className={css.settings}>
          {dialect.formats && (
            <Field label="Format" error={error("format")}>
              {(wired) => (
                <Select
                  {...wired}
                  name="format"
                  value={draft.format}
                  onChange={(e) => set({ format: e.target.value })}
                  options={[{ value: "", label: `${dialect.formats?.[0]?.label} (default)` }, ...(dialect.formats?.slice(1) ?? [])]}
                />
              )}
            </Field>
          )}
          {dialect.methods && (
            <Field label="Method" error={error("method")}>
              {(wired) => (
                <Select
                  {...wired}
                  name="method"
                  value={draft.method.toUpperCase()}
                  onChange={(e) => set({ method: e.target.value })}
                  options={[{ value: "", label: `${dialect.methods?.[0]} (default)` }, ...(dialect.methods?.slice(1) ?? [])]}
                />
              )}
            </Field>
          )}
          {dialect.options.map((o) => (
            <OptionField key={dialect.name + o.name} option={o} />
          ))}
        </div>
      )}
      {error("dialect_options") && !dialect.options.some((o) => error("dialect_options." + o.name)) && draft.dialect !== "template" && (
        <p className={css.error}>{error("dialect_options")}</p>
      )}
      {dialect.customData && (
        <Pairs
          legend="Custom data"
          hint="Added to each request, as Kazoo does it."
          pairs={draft.customData}
          onChange={(customData) => set({ customData })}
          error={(name) => error(name ? "custom_data." + name : "custom_data")}
          add="Add custom data"
          field="custom_data"
        />
      )}
    </>
  );
}

function OptionField({ option: { name, label, hint, choices, secret, json } }: { option: Option }) {
  const { draft, set, error } = useForm();
  const value = draft.options[name];
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const change = (v: unknown) => set({ options: { ...draft.options, [name]: v } });
  return (
    <Field label={label} optional={!choices} hint={hint} error={error("dialect_options." + name)}>
      {(wired) =>
        choices ? (
          <Select {...wired} name={"dialect_options." + name} value={text} onChange={(e) => change(e.target.value)} options={choices} />
        ) : (
          <Input
            {...wired}
            name={"dialect_options." + name}
            type={secret ? "password" : "text"}
            autoComplete={secret ? "new-password" : "off"}
            mono
            value={text}
            onChange={(e) => change(json ? parsed(e.target.value) : e.target.value)}
          />
        )
      }
    </Field>
  );
}

/** JSON as what it says; what is none stays text, and the API says what it expects. */
function parsed(text: string): unknown {
  try {
    const v: unknown = JSON.parse(text);
    return typeof v === "object" ? v : text;
  } catch {
    return text;
  }
}

/** A body of one's own, with what can be filled in. */
function Template() {
  const { draft, set, error } = useForm();
  const wrong = error("dialect_options.body", true);
  return (
    <div className="stack" style={{ "--gap": "var(--s2)" } as never}>
      <h3>Body</h3>
      <JsonInput
        label="Body"
        lines={8}
        value={String(draft.options.body ?? "")}
        onChange={(text) => set({ options: { ...draft.options, body: text } })}
      />
      {wrong && (
        <p className={css.error} role="status">
          {wrong}
        </p>
      )}
      <p className="muted small">
        <code>{"{NAME}"}</code> is a placeholder, <code>{"{{ … }}"}</code> a CEL expression such as{" "}
        <code>{"{{ data.call.duration_ms / 1000 }}"}</code>. What is filled in is written as its place wants it: you never escape anything.
      </p>
      <details className={css.placeholders}>
        <summary>All placeholders</summary>
        <dl>
          {placeholders.map(([of, names]) => (
            <div key={of}>
              <dt>{of}</dt>
              <dd>
                {names.split(" ").map((n) => (
                  <span key={n}>
                    <code>{n}</code>
                    <Copy text={`{${n}}`} label={`Copy {${n}}`} />
                  </span>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}
