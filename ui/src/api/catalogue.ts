import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "./client";
import { readAll } from "./lists";

export type EventType = Schemas["EventType"];

const catalogue = queryOptions({
  queryKey: ["event-types"],
  queryFn: () => readAll((cursor) => body(api.GET("/v1/event-types", { params: { query: { limit: 500, cursor } } }))),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Every event type. The catalogue does not change while the program runs. */
export const useCatalogue = () => useQuery(catalogue);

const meanings = (all: EventType[]) => new Map(all.map((t) => [t.type, t.description]));
const none = new Map<string, string>();

/** What every event type means. */
export const useMeanings = () => useQuery({ ...catalogue, select: meanings }).data ?? none;
