import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, body, type Schemas } from "../../api/client";
import { follow, type StreamState } from "../../api/stream";
import type { Detail } from "./story";

export interface WholeCall {
  detail: Detail;
  entries: Schemas["CallEntry"][];
  /** There was more than is read. */
  cut: boolean;
}

const mostPages = 24;

async function read(id: string, account: string | undefined): Promise<WholeCall> {
  const page = (cursor?: string) =>
    body(api.GET("/v1/calls/{id}", { params: { path: { id }, query: { limit: 500, cursor, account_id: account } } }));
  const detail = await page();
  const entries = [...detail.timeline.items];
  let next = detail.timeline.next_cursor;
  for (let i = 1; next && i < mostPages; i++) {
    const more = await page(next);
    entries.push(...more.timeline.items);
    next = more.timeline.next_cursor;
  }
  return { detail, entries, cut: Boolean(next) };
}

/** Whether something of it is still to come soon: it goes on, or deliveries wait. */
const unsettled = (w: WholeCall | undefined) => w?.entries.some((e) => e.delivery?.state === "pending");

/** A call with all that is known of it. While it goes on, it is read again whenever something happens. */
export function useCall(id: string, account: string | undefined) {
  const client = useQueryClient();
  const [stream, setStream] = useState<StreamState>("connecting");
  const query = useQuery({
    queryKey: ["call", id, account],
    queryFn: () => read(id, account),
    refetchInterval: (q) => (unsettled(q.state.data) ? 3000 : q.state.data?.detail.status === "open" ? 10_000 : false),
  });
  const key = query.data?.entries.find((e) => e.event)?.event?.key;
  const open = query.data?.detail.status === "open";
  const owner = query.data?.detail.account_id;
  useEffect(() => {
    if (!open || !key) return undefined;
    let timer = 0;
    const again = () => {
      // Now for the event, and a moment later for what became of its deliveries.
      void client.invalidateQueries({ queryKey: ["call", id] });
      clearTimeout(timer);
      timer = window.setTimeout(() => void client.invalidateQueries({ queryKey: ["call", id] }), 700);
    };
    const params = new URLSearchParams({ key, ...(owner ? { account_id: owner } : {}) });
    const stop = follow<Schemas["Event"]>(`/v1/events/stream?${params}`, { items: again, state: setStream });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [client, id, key, open, owner]);
  return { query, stream };
}
