import { useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "../../api/client";
import { readAll } from "../../api/lists";

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

/** What a webhook is called: its name, else where it goes; one that is gone has neither. */
export const hookName = (hooks: Map<string, Hook>, id: string) => {
  const w = hooks.get(id);
  return w ? w.name || w.url.replace(/^https?:\/\//, "") : `Webhook …${id.slice(-6)}`;
};
