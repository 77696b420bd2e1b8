import { useQuery } from "@tanstack/react-query";
import { Activity, Building2, Contact, ListChecks, PhoneCall, Plug, Send, User, Webhook, type LucideIcon } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { api, body, type Schemas } from "../api/client";
import { Time } from "../parts/bits";
import { Dialog } from "../parts/overlay";
import { Failure } from "../parts/page";
import { Picker } from "../parts/picker";
import { phone } from "../words/text";
import { useAccount, useKeep } from "./session";

type Hit = Schemas["Hit"];

const kinds: Record<Hit["kind"], { icon: LucideIcon; label: string; href(id: string): string }> = {
  account: { icon: Building2, label: "Account", href: (id) => `/accounts/${id}` },
  webhook: { icon: Webhook, label: "Webhook", href: (id) => `/webhooks/${id}` },
  source: { icon: Plug, label: "Source", href: (id) => `/sources/${id}` },
  user: { icon: User, label: "User", href: () => "/access" },
  record: { icon: Contact, label: "Directory", href: (id) => `/records/${id}` },
  job: { icon: ListChecks, label: "Replay", href: () => "/webhooks" },
  call: { icon: PhoneCall, label: "Call", href: (id) => `/calls/${id}` },
  event: { icon: Activity, label: "Event", href: (id) => `/events/${id}` },
  delivery: { icon: Send, label: "Delivery", href: (id) => `/deliveries/${id}` },
  attempt: { icon: Send, label: "Attempt", href: (id) => `/attempts/${id}` },
};

const hrefOf = (h: Hit) =>
  kinds[h.kind].href(h.kind === "record" ? h.id.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(h.id));

/** Finds anything by its id, its number or its name, from any page: by the button above, by / or by Ctrl K. */
export function Finder({ open, onClose }: { open: boolean; onClose(): void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Find">
      <Find onClose={onClose} />
    </Dialog>
  );
}

function Find({ onClose }: { onClose(): void }) {
  const [, go] = useLocation();
  const [account] = useAccount();
  const keep = useKeep();
  const [text, setText] = useState("");
  const q = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ["search", account, q],
    queryFn: ({ signal }) => body(api.GET("/v1/search", { params: { query: { q, account_id: account } }, signal })),
    enabled: q.length >= 2,
    placeholderData: (old) => (q.length >= 2 ? old : undefined),
  });
  const hits = q.length >= 2 ? (found.data?.items ?? []) : [];
  const isNumber = /^\+?[\d\s()./-]{3,}$/.test(q);
  const options: { id: string; href: string; icon: LucideIcon; label: string; title: string; at?: string }[] = hits.map((h) => ({
    id: h.kind + h.id,
    href: hrefOf(h),
    icon: kinds[h.kind].icon,
    label: kinds[h.kind].label,
    title: phone(h.title),
    at: h.at,
  }));
  if (isNumber)
    options.push({
      id: "calls",
      href: `/calls?number=${encodeURIComponent(q)}`,
      icon: PhoneCall,
      label: "Calls",
      title: `All calls with ${q}`,
    });

  const choose = (href: string) => {
    onClose();
    go(keep(href));
  };
  return (
    <div className="stack">
      <Picker
        label="What to find"
        placeholder="A phone number, an extension, an id, a name…"
        text={text}
        onText={setText}
        options={options}
        id={(o) => o.id}
        onPick={(o) => choose(o.href)}
      >
        {(o) => (
          <>
            <o.icon size={16} aria-hidden />
            <span className="truncate grow" dir="auto">
              {o.title}
            </span>
            <span className="muted small">
              {o.label}
              {o.at && (
                <>
                  {", "}
                  <Time at={o.at} as="ago" />
                </>
              )}
            </span>
          </>
        )}
      </Picker>
      {found.error && <Failure error={found.error} />}
      <p className="muted small" role="status">
        {q.length < 2
          ? "Ids of anything; numbers however they are written, or four digits of one; extensions; names."
          : found.isFetched && !found.isFetching && hits.length === 0
            ? `Nothing is called or numbered “${q}”.`
            : ""}
      </p>
    </div>
  );
}
