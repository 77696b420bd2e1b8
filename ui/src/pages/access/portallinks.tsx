import { Link2 } from "lucide-react";
import { useState } from "react";
import { api, body, Problem, type Schemas } from "../../api/client";
import { Copy, useNow } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Code } from "../../parts/code";
import { Check, Field, Segments, Select } from "../../parts/field";
import { Failure, Note } from "../../parts/page";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import { ago } from "../../words/time";
import css from "./access.module.css";

const lengths = [
  { value: "15m", label: "15 minutes" },
  { value: "1h", label: "an hour" },
  { value: "8h", label: "8 hours" },
  { value: "24h", label: "24 hours" },
];

/** Makes links that let somebody in once. code: shows how a site does it by itself. */
export function PortalLinkMaker({ account: first, choose, code }: { account: string; choose?: boolean; code?: boolean }) {
  const { data: accounts } = useAccounts();
  const [account, setAccount] = useState(first);
  const [role, setRole] = useState<"viewer" | "developer" | "admin">("developer");
  const [lasts, setLasts] = useState("1h");
  const [embed, setEmbed] = useState(false);
  const [link, setLink] = useState<Schemas["PortalLink"]>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setLink(
        await body(api.POST("/v1/portal-links", { body: { account_id: account, role, session_for: lasts, ...(embed ? { embed } : {}) } })),
      );
    } catch (e) {
      setLink(undefined);
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const asked = JSON.stringify({ account_id: account, role, session_for: lasts, ...(embed ? { embed } : {}) });
  return (
    <div className="stack">
      <div className={css.maker}>
        {choose && (accounts?.length ?? 0) > 1 && (
          <Field label="Account" error={problem?.about("account_id")}>
            {(w) => <AccountPicker id={w.id} label="Account" value={account} onChange={setAccount} />}
          </Field>
        )}
        <div>
          <p className={css.label}>Role</p>
          <Segments<"viewer" | "developer" | "admin">
            label="Role"
            value={role}
            onChange={setRole}
            options={["viewer", "developer", "admin"]}
          />
        </div>
        <Field label="Its session lasts" error={problem?.about("session_for")}>
          {(w) => <Select {...w} value={lasts} onChange={(e) => setLasts(e.target.value)} options={lengths} />}
        </Field>
      </div>
      {code && (
        <Check
          label="For a frame (iframe) in another page"
          hint="Whose origin the account’s portal settings name."
          checked={embed}
          onChange={(e) => setEmbed(e.target.checked)}
        />
      )}
      {error !== undefined && <Failure error={error} />}
      <div>
        <Button kind="primary" icon={Link2} busy={busy} onClick={() => void make()}>
          {link ? "Make another link" : "Make a link"}
        </Button>
      </div>
      {link && <Made link={link} embed={embed} />}
      {code && (
        <>
          <h3>From your own site</h3>
          <p className="muted">When somebody who is signed in there opens their phone settings, your server asks for a link…</p>
          <Code
            label="the request"
            language="text"
            text={`curl -sS ${location.origin}/v1/portal-links \\\n  -H "Authorization: Bearer $SWITCHHOOK_KEY" -H 'Content-Type: application/json' \\\n  -d '${asked}'`}
          />
          <p className="muted">
            {embed ? "…and puts its url into the page, which keeps it for the session:" : "…and answers with a redirect to its url."}
          </p>
          {embed && (
            <Code
              label="the frame"
              language="text"
              text={`<iframe src="{url of the answer}" title="Phone events"\n  style="width: 100%; height: 800px; border: 0" allow="clipboard-write"></iframe>`}
            />
          )}
        </>
      )}
    </div>
  );
}

function Made({ link, embed }: { link: Schemas["PortalLink"]; embed: boolean }) {
  const now = useNow();
  const url = new URL(link.url, location.origin).href;
  const over = Date.parse(link.expires_at) < now;
  return (
    <div className="stack">
      <div className={css.once} data-over={over || undefined}>
        <code aria-label="The link">{url}</code>
        <Copy text={url} label="Copy the link" />
      </div>
      <Note kind={over ? "bad" : "warn"}>
        {over
          ? "The link is over: it was good for a minute."
          : embed
            ? `It is good once, in a frame, and ends ${ago(link.expires_at, now)}.`
            : `It is good once, and ends ${ago(link.expires_at, now)}. Open it in a private window: in this one its session would take the place of your own.`}
      </Note>
    </div>
  );
}
