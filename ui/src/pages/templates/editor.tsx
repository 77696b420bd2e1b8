import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Problem } from "../../api/client";
import { type Own, type Tagged, templates } from "../../api/mail";
import { useFilters } from "../../api/lists";
import { Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Diff, type Insert } from "../../parts/code";
import { complain, say, Tabs } from "../../parts/overlay";
import { Card } from "../../parts/page";
import { useMay } from "../../shell/session";
import { useUnsaved } from "../../shell/unsaved";
import { plural } from "../../words/text";
import { asText, changed, markOf, partNames, type PartName, patchOf, rebased } from "./draft";
import { EditedProvider, type Edited } from "./edited";
import { History } from "./history";
import { Macros } from "./macros";
import { BodyParts, OnOff, Recipients, Sender } from "./parts";
import { PreviewPane, usePreview } from "./preview";
import css from "./editor.module.css";

/** Somebody changed the template while it was being edited here. */
interface Clash {
  theirs: Tagged;
  mine: Own;
}

/** A template's parts, and beside them what comes of them. */
export function Editor({ first, owner }: { first: Tagged; owner: string }) {
  const [base, setBase] = useState(first);
  const [draft, setDraft] = useState(first.template.own);
  const [known, setKnown] = useState(first.etag);
  const [clash, setClash] = useState<Clash>();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Problem>();
  const [event, setEvent] = useState("");
  const [{ side }, setSide] = useFilters("side");
  const insert = useRef<Insert>(null);
  const may = useMay("developer");
  const client = useQueryClient();
  const t = base.template;
  if (known !== first.etag) {
    setKnown(first.etag);
    if (first.etag !== base.etag) {
      // It was saved, reverted or restored.
      setBase(first);
      setDraft(first.template.own);
      setRefused(undefined);
    }
  }
  const patch = patchOf(t.own, draft);
  const preview = usePreview(t, draft, owner, event, may);
  useUnsaved(patch !== undefined && !busy);

  const said = (name: PartName) => refused?.about(name) ?? preview.problem?.about(name);
  const edited: Edited = {
    template: t,
    draft,
    may,
    set: (name, value) => {
      setDraft((d) => changed(t, d, name, value));
      if (refused) setRefused(undefined);
    },
    error: (name) => markOf(said(name)),
    onFocus: (how) => {
      insert.current = how;
    },
  };

  const take = (now: Tagged) => {
    client.setQueryData<Tagged>(["template", owner, t.id], now);
    void client.invalidateQueries({ queryKey: ["templates"] });
    void client.invalidateQueries({ queryKey: ["template-versions", owner, t.id] });
  };
  async function save() {
    if (!patch) return;
    setBusy(true);
    setRefused(undefined);
    try {
      take(await templates.change(t.id, owner, base.etag, patch));
      say("Saved", "It is in force from now on.");
    } catch (e) {
      if (!(e instanceof Problem)) throw e;
      if (e.status === 412) {
        setClash({ theirs: await templates.get(t.id, owner), mine: draft });
        scrollTo(0, 0);
      } else {
        setRefused(e);
        if (!e.fields.length) complain(e);
      }
    } finally {
      setBusy(false);
    }
  }
  /** Goes on from what is there now: with the changes made here, or without. */
  function goOn({ theirs, mine }: Clash, keep: boolean) {
    const now = theirs.template.own;
    setBase(theirs);
    setDraft(keep ? rebased(t.own, mine, now) : now);
    setClash(undefined);
    take(theirs);
  }
  useSaveKey(() => void save());

  const names = patch ? partNames.filter((n) => n in patch) : [];
  return (
    <EditedProvider value={edited}>
      {clash && (
        <Card title="Somebody else changed this template meanwhile" lead="Nothing of yours was saved, and nothing of theirs is lost.">
          <div className="stack">
            <p>
              {clash.theirs.template.updated_by ? <bdi>{clash.theirs.template.updated_by}</bdi> : "Somebody"} changed it
              {clash.theirs.template.updated_at && (
                <>
                  {" "}
                  <Time at={clash.theirs.template.updated_at} as="ago" />
                </>
              )}
              . This is what they changed:
            </p>
            <Diff label="Their changes" language="html" before={asText(t.own)} after={asText(clash.theirs.template.own)} />
            <div className="row wrap">
              <Button kind="primary" onClick={() => goOn(clash, true)}>
                Take theirs, and keep my changes on top
              </Button>
              <Button onClick={() => goOn(clash, false)}>Take theirs, and drop mine</Button>
            </div>
          </div>
        </Card>
      )}
      <div className={css.editor}>
        <div className={css.parts}>
          <OnOff />
          <BodyParts />
          <Recipients />
          <Sender />
          {may && (
            <div className={css.foot} role="group" aria-label="Save">
              <Button kind="primary" busy={busy} disabled={!patch || clash !== undefined} onClick={() => void save()}>
                Save changes
              </Button>
              <Button kind="quiet" disabled={!patch || busy} onClick={() => setDraft(t.own)}>
                Drop them
              </Button>
              <span className="muted small" role="status">
                {patch ? `${plural(names.length, "part is", "parts are")} not saved yet.` : "Nothing is changed yet."}
              </span>
              {refused && refused.fields.length > 0 && (
                <span className={css.wrong} role="alert">
                  {refused.fields.length === 1 ? "One part is not right yet." : `${refused.fields.length} parts are not right yet.`}
                </span>
              )}
            </div>
          )}
        </div>
        <section className={css.pane} aria-label="Beside it">
          <Tabs
            label="Beside the template"
            value={side || (may ? "preview" : "macros")}
            onChange={(v) => setSide({ side: v === "preview" ? "" : v })}
            tabs={[
              may && {
                value: "preview",
                label: "Preview",
                content: <PreviewPane preview={preview} template={t} draft={draft} owner={owner} event={event} onEvent={setEvent} />,
              },
              {
                value: "macros",
                label: "Macros",
                content: <Macros macros={t.macros} onPick={may ? (text) => insert.current?.(text) ?? false : undefined} />,
              },
              {
                value: "history",
                label: "History",
                content: <History template={t} owner={owner} dirty={patch !== undefined} onRestored={take} />,
              },
            ]}
          />
        </section>
      </div>
    </EditedProvider>
  );
}

/** Ctrl S, or ⌘ S, saves: as in every editor. */
function useSaveKey(save: () => void) {
  const told = useRef(save);
  useEffect(() => {
    told.current = save;
  });
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== "s" || !(e.metaKey || e.ctrlKey)) return;
      e.preventDefault();
      told.current();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
}
