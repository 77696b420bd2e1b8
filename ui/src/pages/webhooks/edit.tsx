import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { api, body, Problem, type Schemas } from "../../api/client";
import { Button, ButtonLink } from "../../parts/button";
import { Time } from "../../parts/bits";
import { Diff } from "../../parts/code";
import { say } from "../../parts/overlay";
import { Card, Empty, Failure, Note, Page, Skeleton } from "../../parts/page";
import { useKeep, useMay } from "../../shell/session";
import { draftOf, type Draft, type Hook, inputOf, mergePatch } from "./form/draft";
import { WebhookForm } from "./form/form";

interface Version {
  hook: Hook;
  etag: string;
}

async function read(id: string): Promise<Version> {
  const { data, response } = await api.GET("/v1/webhooks/{id}", { params: { path: { id } } });
  return { hook: data as Hook, etag: response.headers.get("ETag") ?? "" };
}

/** Somebody changed the webhook while it was being edited here. */
interface Clash {
  theirs: Version;
  draft: Draft;
  by?: Schemas["Audit"];
}

export default function Edit() {
  const { id = "" } = useParams<{ id: string }>();
  const link = useKeep();
  const may = useMay("developer");
  // It is read once: what is edited here is to be what is saved, or nothing is.
  const query = useQuery({ queryKey: ["webhook-to-edit", id], queryFn: () => read(id), staleTime: Number.POSITIVE_INFINITY, gcTime: 0 });
  const above = [
    { href: link("/webhooks"), label: "Webhooks" },
    { href: link("/webhooks/" + id), label: query.data?.hook.name ?? id },
  ];
  if (!query.data || !may) {
    return (
      <Page title="Edit webhook" above={above}>
        {!may ? (
          <Empty title="Your role may look, and not change webhooks">Ask an admin of your account for the role developer.</Empty>
        ) : query.error ? (
          <Failure error={query.error} again={() => void query.refetch()} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Page>
    );
  }
  return (
    <Page title="Edit webhook" above={above} lead="Changes are in force when they are saved; what waits is sent by the new settings.">
      <Editor id={id} first={query.data} />
    </Page>
  );
}

function Editor({ id, first }: { id: string; first: Version }) {
  const [base, setBase] = useState(first);
  const [start, setStart] = useState(() => draftOf(first.hook));
  const [clash, setClash] = useState<Clash>();
  const [warnings, setWarnings] = useState<string[]>();
  const [, go] = useLocation();
  const client = useQueryClient();
  const link = useKeep();
  const patchOf = (draft: Draft, of: Version) => mergePatch(inputOf(draftOf(of.hook)) as never, inputOf(draft) as never);

  async function save(draft: Draft) {
    const patch = patchOf(draft, base);
    try {
      const saved = await body(
        api.PATCH("/v1/webhooks/{id}", {
          params: { path: { id }, header: { "If-Match": base.etag } },
          body: (patch ?? {}) as never,
        }),
      );
      client.setQueryData(["webhook", id], saved);
      void client.invalidateQueries({ queryKey: ["webhooks"] });
      say("Saved");
      if (saved.warnings?.length) {
        setWarnings(saved.warnings);
        const version = await read(id);
        setBase(version);
        setStart(draftOf(version.hook));
        return;
      }
      go(link("/webhooks/" + id));
    } catch (e) {
      if (!(e instanceof Problem) || e.status !== 412) throw e;
      const theirs = await read(id);
      const by = await body(api.GET("/v1/audit", { params: { query: { resource: "webhook", resource_id: id, limit: 1 } } })).catch(
        () => undefined, // who may not read it sees the rest
      );
      setClash({ theirs, draft, by: by?.items[0] });
      scrollTo(0, 0);
    }
  }

  /** Goes on from what is there now: with the changes made here, or without. */
  function goOn({ theirs, draft }: Clash, keep: boolean) {
    const now = draftOf(theirs.hook);
    setStart(keep ? rebased(draftOf(base.hook), draft, now) : now);
    setBase(theirs);
    setClash(undefined);
  }

  return (
    <>
      {clash && (
        <Card title="Somebody else changed this webhook meanwhile" lead="Nothing of yours was saved, and nothing of theirs is lost.">
          <div className="stack">
            <p>
              {who(clash.by)} changed it <Time at={clash.theirs.hook.updated_at} as="ago" />
              {clash.by && (
                <>
                  {" "}
                  (<Time at={clash.by.at} />)
                </>
              )}
              . This is what they changed:
            </p>
            <Diff label="Their changes" before={text(base.hook)} after={text(clash.theirs.hook)} />
            <div className="row wrap">
              <Button kind="primary" onClick={() => goOn(clash, true)}>
                Take theirs, and keep my changes on top
              </Button>
              <Button onClick={() => goOn(clash, false)}>Take theirs, and drop mine</Button>
            </div>
          </div>
        </Card>
      )}
      <WebhookForm
        key={base.etag + (clash ? "!" : "")}
        first={clash?.draft ?? start}
        editing
        action="Save changes"
        changed={(draft) => patchOf(draft, base) !== undefined && !clash}
        notice={warnings?.map((w) => (
          <Note key={w} kind="warn">
            Saved, but: {w}
          </Note>
        ))}
        cancel={
          <ButtonLink kind="quiet" href={link("/webhooks/" + id)}>
            Cancel
          </ButtonLink>
        }
        save={save}
      />
    </>
  );
}

/** The settings alone, as they are compared. */
const text = (hook: Hook) => JSON.stringify(inputOf(draftOf(hook)), null, 2);

/** What was changed from one draft to the next, done to another. */
export function rebased(from: Draft, mine: Draft, onto: Draft): Draft {
  const changed = Object.entries(mine).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(from[k as keyof Draft]));
  return { ...onto, ...Object.fromEntries(changed) };
}

function who(entry?: Schemas["Audit"]): string {
  const actor = entry?.actor;
  if (!actor) return "Somebody";
  if (actor.above) return "Somebody of an account above yours";
  if (actor.login) return `The user ${actor.login}`;
  return actor.key_name ? `The API key “${actor.key_name}”` : "Somebody";
}
