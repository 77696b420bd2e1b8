import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, body, Problem } from "../../api/client";
import { JsonInput } from "../../parts/code";
import { Button } from "../../parts/button";
import { Check, Field, Input, Segments, Select } from "../../parts/field";
import { Dialog, say } from "../../parts/overlay";
import { Failure, Note } from "../../parts/page";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import { useAccount, useWho } from "../../shell/session";
import { hrefOf, kindOf, kinds, type Record } from "./schemas";
import css from "./records.module.css";

type Row = { [member: string]: unknown };

interface FieldOf {
  name: string;
  about?: string;
  type: "string" | "integer" | "boolean";
  options?: string[];
}

/** What the API says of a kind's fields: the simple ones, which a form can have. */
function useFields(schema: string): FieldOf[] | undefined {
  const told = kindOf(schema).told;
  const { data } = useQuery({
    queryKey: ["event-type", told],
    queryFn: () => body(api.GET("/v1/event-types/{type}", { params: { path: { type: told ?? "" } } })),
    enabled: !!told,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!told) return [];
  if (!data) return undefined;
  const of = (data.schema as { properties?: { [name: string]: { properties?: { [name: string]: Member } } } }).properties?.[schema];
  return Object.entries(of?.properties ?? {}).flatMap(([name, m]) => {
    const type = (["string", "integer", "boolean"] as const).find((t) => m.type === t || (Array.isArray(m.type) && m.type.includes(t)));
    const options = m.enum?.filter((e): e is string => typeof e === "string" && e !== "");
    // Counters and times are the phone system's own.
    if (!type || name === "id" || m.format === "date-time" || /_(count|total_ms)$/.test(name)) return [];
    return [{ name, type, about: m.description, options }];
  });
}

interface Member {
  type?: string | string[];
  description?: string;
  format?: string;
  enum?: unknown[];
}

const label = (name: string) => (name[0] ?? "").toUpperCase() + name.slice(1).replaceAll("_", " ");

/** Makes a record, or changes one. */
export function RecordDialog({ schema: first, record, onClose }: { schema: string; record?: Record; onClose(): void }) {
  const who = useWho();
  const [looked] = useAccount();
  const { data: accounts } = useAccounts();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [schema, setSchema] = useState(first);
  const [own, setOwn] = useState("");
  const [id, setId] = useState(record?.id ?? "");
  const [account, setAccount] = useState(record?.account_id ?? looked ?? who.account_id);
  const [row, setRow] = useState<Row>(record?.row ?? {});
  const [as, setAs] = useState<"form" | "json">("form");
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const kind = schema === "other" ? own.trim() : schema;
  const fields = useFields(kind);
  const shown = [
    ...(fields ?? []),
    ...Object.entries(row).flatMap(([name, v]): FieldOf[] => {
      const type = typeof v === "string" ? "string" : typeof v === "boolean" ? "boolean" : Number.isInteger(v) ? "integer" : undefined;
      return type && !fields?.some((f) => f.name === name) ? [{ name, type }] : [];
    }),
  ];
  const more = Object.entries(row).filter(([name, v]) => v !== null && typeof v === "object" && !shown.some((f) => f.name === name));
  const asJson = as === "json" || (fields !== undefined && shown.length === 0);
  const problem = error instanceof Problem ? error : undefined;

  const change = (name: string, value: unknown) =>
    setRow((r) => {
      const next = { ...r };
      if (value === undefined) delete next[name];
      else next[name] = value;
      return next;
    });
  const look = (mode: "form" | "json") => {
    if (mode === "json") setText(JSON.stringify(row, null, 2));
    else {
      try {
        setRow(JSON.parse(text || "{}") as Row);
      } catch (e) {
        return setError(new Error(`This is no JSON yet: ${(e as Error).message}`));
      }
    }
    setError(undefined);
    setAs(mode);
  };
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const whole = asJson ? (JSON.parse(text || JSON.stringify(row)) as Row) : row;
      const saved = await body(
        api.PUT("/v1/records/{schema}/{id}", {
          params: { path: { schema: kind, id: id.trim() }, query: { account_id: account } },
          body: whole,
        }),
      );
      await client.invalidateQueries({ queryKey: ["records"] });
      await client.invalidateQueries({ queryKey: ["record"] });
      say(record ? "Saved" : `The ${kindOf(kind).one} was added`, "Its change was told as an event.");
      onClose();
      if (!record) go(hrefOf(saved));
    } catch (e) {
      setError(e instanceof SyntaxError ? new Error(`This is no JSON: ${e.message}`) : e);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onClose={onClose}
      from="side"
      title={record ? `Change this ${kindOf(kind).one}` : "Add a record"}
      lead={record ? <code>{record.id}</code> : "What is saved here is told at once: webhooks for record.created hear of it."}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} disabled={!id.trim() || !kind} onClick={() => void save()}>
            {record ? "Save" : "Add"}
          </Button>
        </>
      }
    >
      {!record && (
        <>
          <Field label="Kind" hint={schema === "other" ? undefined : kindOf(schema).about}>
            {(w) => (
              <Select
                {...w}
                value={kinds[schema] ? schema : "other"}
                onChange={(e) => setSchema(e.target.value)}
                options={[
                  ...Object.entries(kinds).map(([value, k]) => ({ value, label: k.one })),
                  { value: "other", label: "another kind…" },
                ]}
              />
            )}
          </Field>
          {schema === "other" && (
            <Field label="Its name" hint="Small letters, digits and _, such as sip_trunk." error={problem?.about("schema")}>
              {(w) => <Input {...w} mono value={own} onChange={(e) => setOwn(e.target.value)} />}
            </Field>
          )}
          <Field label="Id" hint="Your own, as the phone system has it. It cannot be changed later." error={problem?.about("id")}>
            {(w) => <Input {...w} mono value={id} onChange={(e) => setId(e.target.value)} autoFocus />}
          </Field>
          {(accounts?.length ?? 0) > 1 && (
            <Field label="Account" error={problem?.about("account_id")}>
              {(w) => <AccountPicker id={w.id} label="Account" value={account} onChange={setAccount} />}
            </Field>
          )}
        </>
      )}
      <Segments
        label="How to write it"
        value={as}
        onChange={look}
        options={[
          { value: "form", label: "Form" },
          { value: "json", label: "JSON" },
        ]}
      />
      {asJson ? (
        <JsonInput
          label="The record as JSON"
          value={as === "json" ? text : text || JSON.stringify(row, null, 2)}
          onChange={setText}
          lines={12}
        />
      ) : (
        <div className={css.form}>
          {shown.map((f) => (
            <FormField key={f.name} field={f} value={row[f.name]} error={problem?.about(f.name)} onChange={(v) => change(f.name, v)} />
          ))}
          {more.length > 0 && (
            <Note>
              {more.map(([name]) => label(name)).join(", ")}: {more.length === 1 ? "it has" : "these have"} parts of{" "}
              {more.length === 1 ? "its" : "their"} own, and can be changed as JSON.
            </Note>
          )}
        </div>
      )}
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}

function FormField({ field, value, error, onChange }: { field: FieldOf; value: unknown; error?: string; onChange(v: unknown): void }) {
  if (field.type === "boolean")
    return (
      <Check
        label={label(field.name)}
        hint={field.about}
        checked={value === true}
        onChange={(e) => onChange(e.target.checked || undefined)}
      />
    );
  return (
    <Field label={label(field.name)} hint={field.about} error={error}>
      {(w) =>
        field.options?.length ? (
          <Select
            {...w}
            value={String(value ?? "")}
            onChange={(e) => onChange(e.target.value || undefined)}
            options={["", ...field.options]}
          />
        ) : (
          <Input
            {...w}
            dir="auto"
            inputMode={field.type === "integer" ? "numeric" : undefined}
            value={String(value ?? "")}
            onChange={(e) => {
              const v = e.target.value;
              onChange(v === "" ? undefined : field.type === "integer" && /^-?\d+$/.test(v) ? Number(v) : v);
            }}
          />
        )
      }
    </Field>
  );
}
