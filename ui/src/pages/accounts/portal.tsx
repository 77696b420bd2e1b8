import { ImageUp, Trash2 } from "lucide-react";
import { type CSSProperties, useRef, useState } from "react";
import { Problem } from "../../api/client";
import { Button } from "../../parts/button";
import { Field, Input, Segments, TextArea } from "../../parts/field";
import { say } from "../../parts/overlay";
import { Card, Failure } from "../../parts/page";
import type { Account } from "../../shell/accounts";
import { accents } from "../../shell/brand";
import { useMay } from "../../shell/session";
import { useChange } from "./account";
import css from "./accounts.module.css";

const isColour = (c: string) => /^#[0-9a-f]{6}$/i.test(c);

/** How the page looks for an account's people, and who may have it in a frame. */
export function AccountPortal({ account }: { account: Account }) {
  const may = useMay("admin");
  const change = useChange(account);
  const [name, setName] = useState(account.portal?.name ?? "");
  const [logo, setLogo] = useState(account.portal?.logo ?? "");
  const [accent, setAccent] = useState(account.portal?.accent ?? "");
  const [dark, setDark] = useState(account.portal?.accent_dark ?? "");
  const [origins, setOrigins] = useState((account.portal?.frame_ancestors ?? []).join("\n"));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const file = useRef<HTMLInputElement>(null);
  const problem = error instanceof Problem ? error : undefined;
  const about = (field: string) => problem?.about(`portal.${field}`);

  const read = (f: File | undefined) => {
    if (!f) return;
    if (f.size > 64 * 1024) return setError(new Error(`The image has ${Math.ceil(f.size / 1024)} KiB; at most 64 KiB are taken.`));
    const reader = new FileReader();
    reader.addEventListener("load", () => setLogo(String(reader.result)));
    reader.readAsDataURL(f);
    setError(undefined);
  };
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const changed = await change({
        portal: {
          name: name.trim() || null,
          logo: logo || null,
          accent: accent.trim() || null,
          accent_dark: dark.trim() || null,
          frame_ancestors: origins.split(/[\s,]+/).filter(Boolean),
        },
      });
      setLogo(changed.portal?.logo ?? "");
      say("Saved", "Whoever opens the page from now on sees it so.");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className={css.two}>
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault();
          void save();
        }}
      >
        <Card title="Look" lead="What is left empty is as the account above has it.">
          <div className="stack">
            <Field
              label="Name"
              hint="What the product is called: in the page’s corner, its title, and where one signs in."
              error={about("name")}
            >
              {(w) => (
                <Input {...w} dir="auto" disabled={!may} placeholder="Switchhook" value={name} onChange={(e) => setName(e.target.value)} />
              )}
            </Field>
            <Field label="Logo" hint="PNG, JPEG, WebP, GIF or SVG, at most 64 KiB. It is shown 26 pixels high." error={about("logo")}>
              {(w) => (
                <div className={css.logo}>
                  {logo && <img src={logo} alt="The logo" />}
                  <input
                    {...w}
                    ref={file}
                    type="file"
                    accept="image/png,image/jpeg,image/webp,image/gif,image/svg+xml"
                    hidden
                    onChange={(e) => read(e.target.files?.[0])}
                  />
                  <Button icon={ImageUp} disabled={!may} onClick={() => file.current?.click()}>
                    {logo ? "Another image" : "Choose an image"}
                  </Button>
                  {logo && (
                    <Button kind="quiet" icon={Trash2} aria-label="Take the logo away" disabled={!may} onClick={() => setLogo("")} />
                  )}
                </div>
              )}
            </Field>
            <div className={css.pair}>
              <Colour
                label="Colour"
                hint="Of buttons, links and what is chosen."
                value={accent}
                onChange={setAccent}
                error={about("accent")}
                disabled={!may}
              />
              <Colour
                label="Colour where it is dark"
                hint="Left empty: a lighter one of the same."
                value={dark}
                onChange={setDark}
                error={about("accent_dark")}
                disabled={!may}
              />
            </div>
          </div>
        </Card>
        <Card
          title="In a frame"
          lead="Your own pages can have the portal in an iframe, by links that are made for it (portal links, with embed)."
        >
          <Field
            label="Pages that may"
            hint="Their origins, one a line, such as https://portal.example.com."
            error={about("frame_ancestors")}
          >
            {(w) => <TextArea {...w} mono rows={3} disabled={!may} value={origins} onChange={(e) => setOrigins(e.target.value)} />}
          </Field>
        </Card>
        {error !== undefined && <Failure error={error} />}
        {may && (
          <div>
            <Button kind="primary" type="submit" busy={busy}>
              Save
            </Button>
          </div>
        )}
      </form>
      <Preview name={name} logo={logo} accent={isColour(accent) ? accent : ""} dark={isColour(dark) ? dark : ""} />
    </div>
  );
}

function Colour({
  label,
  hint,
  value,
  onChange,
  error,
  disabled,
}: {
  label: string;
  hint: string;
  value: string;
  onChange(v: string): void;
  error?: string;
  disabled: boolean;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(w) => (
        <div className={css.colour}>
          <input
            type="color"
            aria-label={`${label}, chosen`}
            disabled={disabled}
            value={isColour(value) ? value : "#2a5bd7"}
            onChange={(e) => onChange(e.target.value)}
          />
          <Input {...w} mono disabled={disabled} placeholder="#2a5bd7" value={value} onChange={(e) => onChange(e.target.value)} />
        </div>
      )}
    </Field>
  );
}

function Preview({ name, logo, accent, dark }: { name: string; logo: string; accent: string; dark: string }) {
  const [theme, setTheme] = useState<"light" | "dark">(document.documentElement.dataset.theme === "dark" ? "dark" : "light");
  const brand = { accent: accent || undefined, accent_dark: dark || undefined };
  return (
    <Card
      title="As its people see it"
      actions={<Segments<"light" | "dark"> label="Theme of the preview" value={theme} onChange={setTheme} options={["light", "dark"]} />}
    >
      <div className={css.preview} data-theme={theme} style={accents(brand) as CSSProperties} aria-hidden>
        <aside>
          <b>
            <img src={logo || "/icon.svg"} alt="" />
            <bdi className="truncate">{name || "Switchhook"}</bdi>
          </b>
          <span>Home</span>
          <span data-here>Calls</span>
          <span>Webhooks</span>
        </aside>
        <div>
          <b>Calls</b>
          <s />
          <s style={{ width: "80%" }} />
          <u>+1 202 555 0143</u>
          <s style={{ width: "60%" }} />
          <i>Create webhook</i>
        </div>
      </div>
    </Card>
  );
}
