import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { readAll } from "../../api/lists";
import { useKeep, useWho } from "../../shell/session";
import { mediumName, notificationOf, titleOf } from "../../words/mail";

export type Hook = Schemas["Webhook"];

/** The webhooks that one may see, by id: what deliveries name by id alone. */
export function useHooks(): Map<string, Hook> {
  const query = useQuery({ queryKey: ["webhooks", "by id"], queryFn: allHooks, staleTime: 15_000, refetchInterval: 30_000 });
  return query.data ?? none;
}

const none = new Map<string, Hook>();

async function allHooks() {
  const all = await readAll((cursor) => body(api.GET("/v1/webhooks", { params: { query: { limit: 500, cursor } } })));
  return new Map(all.map((w) => [w.id, w]));
}

/** What a webhook is called: its name, else where it goes; one that is gone has neither. A notification is one, too. */
export const hookName = (hooks: Map<string, Hook>, id: string) => {
  const n = notificationOf(id);
  if (n) return `${mediumName(n.medium)} “${titleOf(n.template)}”`;
  const w = hooks.get(id);
  return w ? w.name || w.url.replace(/^https?:\/\//, "") : `Webhook …${id.slice(-6)}`;
};

/** A webhook's name, which leads to it; a notification's leads to its template. */
export function HookLink({ id, className, children }: { id: string; className?: string; children?: string }) {
  const hooks = useHooks();
  const keep = useKeep();
  const who = useWho();
  const n = notificationOf(id);
  const template = n && `/templates/${encodeURIComponent(n.template)}`;
  const href = !n
    ? keep(`/webhooks/${encodeURIComponent(id)}`)
    : n.account === who.account_id
      ? (template ?? "")
      : `${template}?account=${encodeURIComponent(n.account)}`;
  return (
    <Link href={href} className={className}>
      <bdi>{children ?? hookName(hooks, id)}</bdi>
    </Link>
  );
}
