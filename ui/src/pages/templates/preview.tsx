import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useState } from "react";
import { api, body, Problem } from "../../api/client";
import { type Own, type Preview as Shown, type Template, templates } from "../../api/mail";
import { useSettled } from "../../api/settled";
import { Button } from "../../parts/button";
import { MailView } from "../../parts/mailview";
import { Note, Skeleton } from "../../parts/page";
import { clock } from "../../words/time";
import { partWords, unsaved } from "./draft";
import { TrySend } from "./trysend";
import fieldCss from "../../parts/field.module.css";
import css from "./editor.module.css";

export interface Preview {
  /** The mail that the last draft that was right would be. */
  shown?: Shown;
  /** What is wrong with the draft as it is. */
  problem?: Problem;
  busy: boolean;
}

/** The mail that an event would make by the draft, for who may change it: asked for again whenever it changes. */
export function usePreview(t: Template, draft: Own, owner: string, event: string, enabled: boolean): Preview {
  const text = useSettled(JSON.stringify({ ...unsaved(t, draft), event_id: event || undefined }), 350);
  const query = useQuery({
    queryKey: ["template-preview", owner, t.id, t.version, text],
    queryFn: async ({ signal }): Promise<Omit<Preview, "busy">> => {
      try {
        return { shown: await templates.preview(t.id, owner, JSON.parse(text) as object, signal) };
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        return { problem };
      }
    },
    enabled,
    retry: false,
    staleTime: 60_000,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
  });
  const [last, setLast] = useState(query.data?.shown);
  if (query.data?.shown && query.data.shown !== last) setLast(query.data.shown);
  return { shown: last, problem: query.data?.problem, busy: query.isFetching };
}

/** The mail beside the editor, as its reader gets it. */
export function PreviewPane({
  preview,
  template: t,
  draft,
  owner,
  event,
  onEvent,
}: {
  preview: Preview;
  template: Template;
  draft: Own;
  owner: string;
  event: string;
  onEvent(id: string): void;
}) {
  const [trying, setTrying] = useState(false);
  const { shown, problem } = preview;
  const what = problem?.fields[0];
  return (
    <div className={css.preview}>
      <div className={css.previewHead}>
        <EventChoice types={t.event_types} owner={owner} value={event} onChange={onEvent} />
        <Button icon={Send} disabled={problem !== undefined} onClick={() => setTrying(true)}>
          Send a test…
        </Button>
      </div>
      {problem && (
        <p className={css.old} role="status">
          {what ? (
            <>
              The mail as it was before: {partWords[what.field as "subject"] ?? <code>{what.field}</code>}, {what.message}
            </>
          ) : (
            problem.message
          )}
        </p>
      )}
      {shown?.notes.map((n) => (
        <Note key={n} kind="warn">
          {n}
        </Note>
      ))}
      <div aria-busy={preview.busy}>
        {shown ? <MailView message={shown.message} src={shown.html_url} /> : !problem && <Skeleton lines={10} />}
      </div>
      <TrySend template={t} draft={draft} owner={owner} event={event} open={trying} onClose={() => setTrying(false)} />
    </div>
  );
}

/** The event that is shown: a sample, or one of those that were accepted lately. */
function EventChoice({ types, owner, value, onChange }: { types: string[]; owner: string; value: string; onChange(id: string): void }) {
  const recent = useQuery({
    queryKey: ["events", "to preview", owner, types],
    queryFn: () =>
      body(
        api.GET("/v1/events", {
          params: { query: { account_id: owner, type: types.length ? types : ["notification.custom"], limit: 20 } },
        }),
      ).then((p) => p.items),
    refetchInterval: 15_000,
  });
  return (
    <span className={fieldCss.select}>
      <select className={fieldCss.input} aria-label="Event to preview" value={value} onChange={(e) => onChange(e.target.value)}>
        <option value="">The sample</option>
        {!!recent.data?.length && (
          <optgroup label="Recent events">
            {recent.data.map((e) => (
              <option key={e.id} value={e.id}>
                {clock(e.accepted_at)} · {e.type}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </span>
  );
}
