import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { MoreHorizontal, Pause, Pencil, Play, Power, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { useFilters } from "../../api/lists";
import { State, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { complain, Confirm, Menu, say, Tabs } from "../../parts/overlay";
import { Card, Failure, Page, Skeleton } from "../../parts/page";
import { useKeep, useMay } from "../../shell/session";
import { plural } from "../../words/text";
import { Overview } from "./overview";
import { Recent } from "./recent";
import { Replay } from "./replay";
import { Secrets } from "./secrets";
import { SettingsView } from "./settings";
import { TestDialog } from "./test";
import { VerifyCode } from "./verify/verify";
import { standing } from "./words";
import css from "./webhook.module.css";

type Hook = Schemas["Webhook"];

export default function Webhook() {
  const { id = "" } = useParams<{ id: string }>();
  const link = useKeep();
  const above = [{ href: link("/webhooks"), label: "Webhooks" }];
  const query = useQuery({
    queryKey: ["webhook", id],
    queryFn: () => body(api.GET("/v1/webhooks/{id}", { params: { path: { id } } })),
    refetchInterval: 3000,
  });
  if (query.data) return <Loaded webhook={query.data} above={above} stale={query.isRefetchError} />;
  return (
    <Page title="Webhook" above={above}>
      {query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Skeleton lines={8} />}
    </Page>
  );
}

function Loaded({ webhook, above, stale }: { webhook: Hook; above: { href: string; label: string }[]; stale: boolean }) {
  const [{ tab }, setTab] = useFilters("tab");
  const [testing, setTesting] = useState(false);
  const link = useKeep();
  const may = useMay("developer");
  const { id } = webhook;
  return (
    <Page
      title={<span dir="auto">{webhook.name}</span>}
      name={webhook.name}
      above={above}
      beside={<State of={webhook.status} />}
      lead={<code className={css.url}>{webhook.url}</code>}
      actions={may && <Actions webhook={webhook} test={() => setTesting(true)} />}
    >
      {stale && <Failure error="This page could not be brought up to date just now. It tries again." />}
      <Standing webhook={webhook} test={() => setTesting(true)} />
      <Tabs
        label="Webhook"
        value={tab || "overview"}
        onChange={(v) => setTab({ tab: v === "overview" ? "" : v })}
        tabs={[
          { value: "overview", label: "Overview", content: <Overview webhook={webhook} more={() => setTab({ tab: "deliveries" })} /> },
          { value: "deliveries", label: "Deliveries", content: <Recent webhook={webhook} rows={25} /> },
          {
            value: "settings",
            label: "Settings",
            content: (
              <SettingsView
                webhook={webhook}
                edit={
                  may && (
                    <ButtonLink size="small" icon={Pencil} href={link(`/webhooks/${id}/edit`)}>
                      Edit
                    </ButtonLink>
                  )
                }
              />
            ),
          },
          { value: "secrets", label: "Secrets", content: <Secrets webhook={webhook} /> },
          { value: "replay", label: "Replay", content: <Replay webhook={webhook} /> },
          {
            value: "verify",
            label: "Verify",
            content: (
              <Card title="Verify the signatures" lead="In the program that receives the requests, so that it believes nobody else.">
                <VerifyCode signing={webhook.signing} />
              </Card>
            ),
          },
        ]}
      />
      <TestDialog webhook={webhook} open={testing} onClose={() => setTesting(false)} />
    </Page>
  );
}

/** How it stands, and the one thing to do about it. */
function Standing({ webhook, test }: { webhook: Hook; test(): void }) {
  const now = useNow();
  const may = useMay("developer");
  const change = useChange(webhook.id);
  const [, setTab] = useFilters("tab");
  const { status, stats } = webhook;
  const text = standing(status, stats, webhook.disable_reason, now);
  const kind = status === "failing" ? "bad" : status === "paused" || status === "disabled" ? "warn" : stats.filter_errors ? "warn" : "ok";
  return (
    <>
      <section className={css.standing} data-kind={kind} aria-label="How it stands">
        <p className="grow">{text}</p>
        {may && status === "failing" && (
          <Button icon={Send} onClick={test}>
            Send a test
          </Button>
        )}
        {may && status === "paused" && (
          <Button icon={Play} busy={change.isPending} onClick={() => change.mutate("resume")}>
            Resume
          </Button>
        )}
        {may && status === "disabled" && (
          <Button icon={Power} busy={change.isPending} onClick={() => change.mutate("enable")}>
            Enable
          </Button>
        )}
        {may && status === "active" && !stats.last_attempt_at && (
          <Button icon={Send} onClick={test}>
            Send a test
          </Button>
        )}
      </section>
      {!!stats.filter_errors && (
        <section className={css.standing} data-kind="warn" aria-label="Filter">
          <p className="grow">
            Of {plural(stats.filter_errors, "event")} the filter could not tell whether it wants them, and they were not sent:{" "}
            {stats.last_filter_error}.
          </p>
          <Button onClick={() => setTab({ tab: "settings" })}>See the filter</Button>
        </section>
      )}
    </>
  );
}

const changes = {
  pause: (id: string) => body(api.POST("/v1/webhooks/{id}/pause", { params: { path: { id } } })),
  resume: (id: string) => body(api.POST("/v1/webhooks/{id}/resume", { params: { path: { id } } })),
  enable: (id: string) => body(api.PATCH("/v1/webhooks/{id}", { params: { path: { id } }, body: { enabled: true } as never })),
  disable: (id: string) => body(api.PATCH("/v1/webhooks/{id}", { params: { path: { id } }, body: { enabled: false } as never })),
};
const told = { pause: "Paused", resume: "Resumed", enable: "Enabled", disable: "Disabled" };

/** Pauses, resumes, enables or disables, and shows it at once. */
function useChange(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (what: keyof typeof changes) => changes[what](id),
    onSuccess: (webhook, what) => {
      client.setQueryData(["webhook", id], webhook);
      void client.invalidateQueries({ queryKey: ["webhooks"] });
      say(told[what]);
    },
    onError: complain,
  });
}

type Asked = "pause" | "disable" | "delete";

function Actions({ webhook, test }: { webhook: Hook; test(): void }) {
  const [asked, ask] = useState<Asked>();
  const [, go] = useLocation();
  const client = useQueryClient();
  const link = useKeep();
  const change = useChange(webhook.id);
  const { id, status, stats } = webhook;
  const running = status === "active" || status === "failing";
  const waiting = stats.pending ? plural(stats.pending, "delivery", "deliveries") : "";
  return (
    <>
      <Button kind="primary" icon={Send} onClick={test}>
        Test now
      </Button>
      {running && (
        <Button icon={Pause} onClick={() => ask("pause")}>
          Pause
        </Button>
      )}
      {status === "paused" && (
        <Button icon={Play} busy={change.isPending} onClick={() => change.mutate("resume")}>
          Resume
        </Button>
      )}
      <ButtonLink icon={Pencil} href={link(`/webhooks/${id}/edit`)}>
        Edit
      </ButtonLink>
      <Menu
        trigger={<Button icon={MoreHorizontal} aria-label="More actions" />}
        items={[
          status !== "disabled" && { label: "Disable…", icon: Power, onSelect: () => ask("disable") },
          status === "disabled" && { label: "Enable", icon: Power, onSelect: () => change.mutate("enable") },
          { label: "Delete…", icon: Trash2, danger: true, onSelect: () => ask("delete") },
        ]}
      />
      <Confirm
        open={asked === "pause"}
        onClose={() => ask(undefined)}
        title="Pause this webhook?"
        action="Pause"
        onConfirm={() => change.mutateAsync("pause")}
      >
        Nothing is sent to it until it is resumed. Its deliveries wait, each call in its order; events that are of use only for a while may
        expire meanwhile.
      </Confirm>
      <Confirm
        open={asked === "disable"}
        onClose={() => ask(undefined)}
        title="Disable this webhook?"
        action="Disable"
        danger
        onConfirm={() => change.mutateAsync("disable")}
      >
        Nothing is sent to it, and nothing waits for it{waiting && `: ${waiting} that wait now are cancelled`}. Pause it instead if what
        comes meanwhile is to wait. What it misses comes with a replay once it is enabled.
      </Confirm>
      <Confirm
        open={asked === "delete"}
        onClose={() => ask(undefined)}
        title="Delete this webhook?"
        action="Delete the webhook"
        danger
        onConfirm={async () => {
          await api.DELETE("/v1/webhooks/{id}", { params: { path: { id } } });
          client.removeQueries({ queryKey: ["webhook", id] });
          void client.invalidateQueries({ queryKey: ["webhooks"] });
          say("The webhook is deleted");
          go(link("/webhooks"));
        }}
      >
        Nothing more is sent to <b dir="auto">{webhook.name}</b>
        {waiting && `, and the ${waiting} that wait are cancelled`}. Its secret is gone: a new webhook gets another one. What was sent is
        kept as long as history is.
      </Confirm>
    </>
  );
}
