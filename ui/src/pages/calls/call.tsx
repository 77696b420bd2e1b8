import { Link2, PhoneOff } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useParams } from "wouter";
import { Problem } from "../../api/client";
import { useFilters } from "../../api/lists";
import { Id, State, Time } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Segments, Select } from "../../parts/field";
import { say } from "../../parts/overlay";
import { Card, Empty, Facts, Loaded, Note, Page } from "../../parts/page";
import { type Call, dataOf, nameOf, resultOf } from "../../words/calls";
import { talk } from "../../words/time";
import { useAccount, useKeep } from "../../shell/session";
import { hookName, useHooks } from "../deliveries/hooks";
import { AttemptSheet } from "../deliveries/view";
import { Ladder } from "./ladder";
import { troubled } from "./moment";
import { Receivers } from "./receivers";
import { type Moment, storyOf } from "./story";
import { useCall, type WholeCall } from "./use";

export default function CallPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const [{ of }] = useFilters("of");
  const [account] = useAccount();
  const { query, stream } = useCall(id, of || account);
  const keep = useKeep();
  const above = [{ href: keep("/calls"), label: "Calls" }];
  if (query.error instanceof Problem && query.error.status === 404 && !query.data) {
    return (
      <Page title="Call" above={above}>
        <Empty icon={PhoneOff} title="There is no such call" action={<ButtonLink href={keep("/calls")}>All calls</ButtonLink>}>
          It may be older than what is kept, or of an account that you cannot see. Its id is {id}.
        </Empty>
      </Page>
    );
  }
  if (!query.data) {
    return (
      <Page title="Call" above={above}>
        <Loaded query={query} lines={8}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <Whole whole={query.data} live={stream === "live"} above={above} />;
}

function Whole({ whole, live, above }: { whole: WholeCall; live: boolean; above: { href: string; label: string }[] }) {
  const { detail, entries } = whole;
  const call = detail.call as Call;
  const number = entries.map((e) => e.event && dataOf(e.event).number).find((n) => n?.description);
  const name = `${nameOf(call.from, "Unknown caller")} → ${number?.description ?? nameOf(call.to)}`;
  const open = detail.status === "open";
  const story = useMemo(() => storyOf(detail, entries), [detail, entries]);
  const [{ show, webhook, event, attempt }, set] = useFilters("show", "webhook", "event", "attempt");
  const hooks = useHooks();
  const result = resultOf(call, open);
  const all = story.moments.flatMap((m) => m.lines);
  const used = [...new Set(all.map((l) => l.delivery.webhook_id))];
  const failing = all.filter(troubled).length;

  // A filter leaves out deliveries, and events of which none is left.
  const moments = useMemo(() => {
    if (!show && !webhook) return story.moments;
    return story.moments.map((m) => ({
      ...m,
      lines: m.lines.filter((l) => (!webhook || l.delivery.webhook_id === webhook) && (show !== "failed" || troubled(l))),
    }));
  }, [story, show, webhook]);
  const shown = useCallback((m: Moment) => show !== "failed" || m.lines.length > 0, [show]);
  const onOpen = useCallback((id: string) => set({ event: id }), [set]);
  const onAttempt = useCallback((id: string) => set({ attempt: id }), [set]);

  const copyLink = async () => {
    const url = new URL(location.href);
    url.searchParams.set("of", detail.account_id);
    await navigator.clipboard.writeText(url.href);
    say("Link copied", "It shows the same to whoever may see this account.");
  };

  return (
    <Page
      title={
        <>
          <bdi>{nameOf(call.from, "Unknown caller")}</bdi> → <bdi>{number?.description ?? nameOf(call.to)}</bdi>
        </>
      }
      name={name}
      above={above}
      beside={<State of={open ? "open" : result.kind} tone={result.tone} />}
      lead={<span dir="auto">{story.sentence}</span>}
      actions={
        <Button icon={Link2} onClick={() => void copyLink()}>
          Copy link
        </Button>
      }
    >
      <Facts
        columns
        items={[
          ["Began", call.created_at ? <Time at={call.created_at} /> : undefined],
          ["Direction", call.direction],
          ["Length", call.duration_ms === undefined ? undefined : talk(call.duration_ms / 1000)],
          [
            "Hangup cause",
            call.hangup_cause
              ? `${call.hangup_cause}${call.q850 ? ` (${call.q850})` : ""}${call.sip_status ? `, SIP ${call.sip_status}` : ""}`
              : undefined,
          ],
          ["Call id", <Id key="id">{detail.id}</Id>],
        ]}
      />

      <Receivers story={story} hooks={hooks} webhook={webhook} onChoose={(id) => set({ webhook: id === webhook ? "" : id })} />

      <Card
        title="What happened"
        lead={
          open
            ? live
              ? "Live: it grows as events come."
              : "The call goes on; waiting for the live line."
            : `${story.moments.length} events`
        }
        actions={
          <>
            {used.length > 1 && (
              <Select
                aria-label="Only deliveries to this webhook"
                value={webhook}
                onChange={(e) => set({ webhook: e.target.value })}
                options={[{ value: "", label: "All webhooks" }, ...used.map((id) => ({ value: id, label: hookName(hooks, id) }))]}
              />
            )}
            <Segments
              label="Which events"
              value={show || "all"}
              onChange={(v) => set({ show: v === "all" ? "" : v })}
              options={[
                { value: "all", label: "Everything" },
                { value: "failed", label: `Only trouble (${failing})` },
              ]}
            />
          </>
        }
      >
        {whole.cut && <Note kind="warn">This call has more history than is shown: only its first 12,000 entries are here.</Note>}
        {moments.some(shown) ? (
          <Ladder story={{ ...story, moments }} shown={shown} open={open} opened={event} onOpen={onOpen} onAttempt={onAttempt} />
        ) : (
          <Empty title="No trouble here" action={<Button onClick={() => set({ show: "", webhook: "" })}>Show everything</Button>}>
            {webhook ? "This webhook got all events of the call that it wants." : "Every delivery of this call went well."}
          </Empty>
        )}
      </Card>
      <AttemptSheet id={attempt} onClose={() => set({ attempt: "" })} />
    </Page>
  );
}
