import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useCatalogue } from "../../../api/catalogue";
import { api, body } from "../../../api/client";
import { HttpRequest } from "../../../parts/http";
import { Skeleton } from "../../../parts/page";
import { clock } from "../../../words/time";
import { selected, selects } from "../selection";
import { sends } from "./events";
import { type Shown, useForm } from "./state";
import fieldCss from "../../../parts/field.module.css";
import css from "./form.module.css";

/** The exact request that would be sent, beside the form. */
export function PreviewPane({ shown, show }: { shown: Shown; show(s: Shown): void }) {
  const { draft, preview } = useForm();
  const id = useId();
  const { data: types = [] } = useCatalogue();
  const recent = useQuery({
    queryKey: ["events", "to preview", draft.account],
    queryFn: () =>
      body(api.GET("/v1/events", { params: { query: { account_id: draft.account || undefined, limit: 60 } } })).then((p) => p.items),
    refetchInterval: 15_000,
  });
  const events = draft.events.length ? draft.events : ["*"];
  const able = types.filter((t) => sends(t, draft.dialect));
  const on = selected(events, able);
  const known = new Map(able.map((t) => [t.type, t]));
  const real = (recent.data ?? [])
    .filter((e) => {
      const t = known.get(e.type);
      return t && events.some((entry) => selects(entry, t));
    })
    .slice(0, 12);
  const value = shown.event ? "e:" + shown.event : shown.type ? "t:" + shown.type : "";
  const what = preview.problem?.fields[0];
  const urlOnly = preview.problem?.fields.every((f) => f.field === "webhook.url") && preview.problem.fields.length > 0;
  return (
    <section className={css.pane} aria-labelledby={id}>
      <header className={css.paneHead}>
        <h2 id={id}>What it sends</h2>
        <span className={fieldCss.select}>
          <select
            className={fieldCss.input}
            aria-label="Event to preview"
            value={value}
            onChange={(e) => {
              const [kind, name] = [e.target.value.slice(0, 2), e.target.value.slice(2)];
              show(kind === "e:" ? { event: name } : kind === "t:" ? { type: name } : {});
            }}
          >
            <option value="">Sample of the first event</option>
            {real.length > 0 && (
              <optgroup label="Recent events">
                {real.map((e) => (
                  <option key={e.id} value={"e:" + e.id}>
                    {clock(e.accepted_at)} · {e.type}
                  </option>
                ))}
              </optgroup>
            )}
            <optgroup label="Samples">
              {on.slice(0, 150).map((t) => (
                <option key={t.type} value={"t:" + t.type}>
                  {t.type}
                </option>
              ))}
            </optgroup>
          </select>
        </span>
      </header>
      {preview.problem && !urlOnly && (
        <p className={css.paneNote} role="status">
          {what ? (
            <>
              The request as it was before: <code>{what.field.replace(/^webhook\./, "")}</code> {what.message}
            </>
          ) : (
            preview.problem.message
          )}
        </p>
      )}
      <div className={css.paneBody} data-old={preview.problem && !urlOnly ? "" : undefined} aria-busy={preview.busy}>
        {preview.request ? <HttpRequest request={preview.request} /> : !preview.problem && <Skeleton lines={8} />}
      </div>
      <p className="muted small">
        Signed with a throw-away key, and credentials are masked.
        {(urlOnly || !draft.url.trim()) && " The URL stands for yours."}
        {!draft.events.length && " It shows the first event until you choose some."}
      </p>
    </section>
  );
}
