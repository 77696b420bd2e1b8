import { useState } from "react";
import type { Problem } from "../../api/client";
import { Check, Field, Input, TextArea } from "../../parts/field";
import type { Option } from "./kinds";
import css from "./sources.module.css";

export interface Options {
  [name: string]: unknown;
}

/** What an option is; ari.url is the member url of the object ari. */
function valueOf(options: Options, name: string): unknown {
  const [outer = "", inner] = name.split(".");
  return inner ? (options[outer] as Options | undefined)?.[inner] : options[outer];
}

/** The options with another value of one. Empty ones are left out, and objects of none. */
function withValue(options: Options, name: string, value: unknown): Options {
  const [outer = "", inner] = name.split(".");
  const next = inner ? withValue((options[outer] as Options | undefined) ?? {}, inner, value) : value;
  const empty = next === undefined || next === "" || (typeof next === "object" && !Object.keys(next as object).length);
  const { [outer]: _, ...rest } = options;
  return empty ? rest : { ...rest, [outer]: next };
}

interface Props {
  of: Option[];
  options: Options;
  change(options: Options): void;
  problem?: Problem;
}

/** The fields of a kind's options: those that most need first, the others behind a fold for each group. */
export function OptionFields({ of, ...rest }: Props) {
  const groups = [...new Set(of.map((o) => o.group).filter(Boolean))];
  return (
    <>
      <Fields of={of.filter((o) => !o.group)} {...rest} />
      {groups.map((g) => (
        <details key={g} className={css.more}>
          <summary>{g}</summary>
          <div className="stack">
            <Fields of={of.filter((o) => o.group === g)} {...rest} />
          </div>
        </details>
      ))}
    </>
  );
}

/** Fields one below the other; a name and its password stand side by side. */
function Fields({ of, ...rest }: Props) {
  return of.map((o, i) => {
    const next = of[i + 1];
    if (o.type === "secret" && of[i - 1]?.type === "name") return null;
    if (o.type === "name" && next?.type === "secret") {
      return (
        <div key={o.name} className={css.pair2}>
          <OptionField of={o} {...rest} />
          <OptionField of={next} {...rest} />
        </div>
      );
    }
    return <OptionField key={o.name} of={o} {...rest} />;
  });
}

function OptionField({ of: o, options, change, problem }: Omit<Props, "of"> & { of: Option }) {
  const value = valueOf(options, o.name);
  const set = (v: unknown) => change(withValue(options, o.name, v));
  if (o.type === "check" || o.type === "member") {
    const list = (value as string[] | undefined) ?? [];
    return (
      <Check
        label={o.label}
        hint={o.hint}
        checked={o.type === "check" ? value === (o.ticked ?? true) : list.includes(o.member ?? "")}
        onChange={(e) => {
          const on = e.target.checked;
          set(
            o.type === "check" ? (on ? (o.ticked ?? true) : undefined) : [...list.filter((m) => m !== o.member), ...(on ? [o.member] : [])],
          );
        }}
      />
    );
  }
  return (
    <Field label={o.label} hint={o.hint} optional={o.optional} error={problem?.about(`options.${o.name}`)}>
      {(w) =>
        o.type === "words" ? (
          <Words {...w} value={value as string[] | undefined} onValue={set} />
        ) : (
          <Input
            {...w}
            mono
            placeholder={o.placeholder}
            value={(value as string | undefined) ?? ""}
            onChange={(e) => set(e.target.value)}
            {...(o.type === "secret" ? { type: "password", autoComplete: "new-password" } : {})}
          />
        )
      }
    </Field>
  );
}

/** A list of words, with blanks or commas between them. */
function Words({ value, onValue, ...wired }: { value?: string[]; onValue(v: string[]): void }) {
  const [text, setText] = useState((value ?? []).join(" "));
  return (
    <TextArea
      {...wired}
      mono
      rows={2}
      value={text}
      onChange={(e) => {
        setText(e.target.value);
        onValue(e.target.value.split(/[\s,]+/).filter(Boolean));
      }}
    />
  );
}
