import { useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "../../api/client";

export type Hook = Schemas["Webhook"];

/** The webhooks that one may see, by id: what deliveries name by id alone. */
export function useHooks(): Map<string, Hook> {
  const query = useQuery({ queryKey: ["webhooks", "by id"], queryFn: allHooks, staleTime: 15_000, refetchInterval: 30_000 });
  return query.data ?? none;
}

const none = new Map<string, Hook>();

async function allHooks() {
  const all = new Map<string, Hook>();
  let cursor: string | undefined;
  for (let page = 0; page < 20; page++) {
    const list = await body(api.GET("/v1/webhooks", { params: { query: { limit: 500, cursor } } }));
    for (const w of list.items) all.set(w.id, w);
    cursor = list.next_cursor ?? undefined;
    if (!cursor) break;
  }
  return all;
}

/** What a webhook is called: its name, else where it goes; one that is gone has neither. */
export const hookName = (hooks: Map<string, Hook>, id: string) => {
  const w = hooks.get(id);
  return w ? w.name || w.url.replace(/^https?:\/\//, "") : `Webhook …${id.slice(-6)}`;
};
