import { problemOf, signedOut, type Problem } from "./client";

export type StreamState = "connecting" | "live" | "waiting" | "refused" | "closed";

interface Listener<T> {
  /** Called with all that has come since the last time, the oldest first; a few times a second at most. */
  items(items: T[]): void;
  state?(state: StreamState, problem?: Problem): void;
}

const silence = 40_000; // ms; the server says something every 15 s
const longest = 15_000; // ms between two tries
const breath = 150; // ms at least between two times that something is told: nobody reads faster

/**
 * Follows one of the API's streams of server-sent events until it is closed. It is read with fetch, since EventSource cannot
 * tell a refusal from a broken line. After a break it goes on behind the last item, so nothing is missed; while nobody looks at
 * the page it is let go (a browser has six connections to a server, for all its tabs), and goes on in the same way. Streams
 * that are made by a POST get post as their body.
 */
export function follow<T>(path: string, listener: Listener<T>, post?: unknown): () => void {
  let closed = false;
  let last = "";
  let tries = 0;
  let line = new AbortController();
  let timer = 0;
  let frame = 0; // a timer
  let flushed = 0;
  let waiting: T[] = [];

  const flush = () => {
    frame = 0;
    flushed = performance.now();
    const items = waiting;
    waiting = [];
    if (items.length && !closed) listener.items(items);
  };

  const take = (id: string, data: string) => {
    if (id) last = id;
    if (!data) return;
    waiting.push(JSON.parse(data) as T);
    frame ||= window.setTimeout(flush, Math.max(0, flushed + breath - performance.now()));
  };

  const again = () => {
    if (closed || document.hidden) return;
    listener.state?.("waiting");
    timer = window.setTimeout(connect, Math.min(longest, 500 * 2 ** tries++));
  };

  async function connect() {
    line = new AbortController();
    const { signal } = line;
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = window.setTimeout(() => line.abort(), silence);
    };
    listener.state?.("connecting");
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (last) headers["Last-Event-ID"] = last;
      alive();
      if (post !== undefined) headers["Content-Type"] = "application/json";
      const answer = await fetch(path, {
        method: post === undefined ? "GET" : "POST",
        body: post === undefined ? undefined : JSON.stringify(post),
        headers,
        signal,
        cache: "no-store",
      });
      if (!answer.ok || !answer.body) {
        const problem = await problemOf(answer);
        if (problem.status === 401) signedOut.dispatchEvent(new Event("signed-out"));
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return listener.state?.("refused", problem);
        return again();
      }
      listener.state?.("live");
      tries = 0;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        rest = messages(rest + value, take);
      }
      again();
    } catch {
      if (!closed && !document.hidden) again();
    } finally {
      clearTimeout(watchdog);
    }
    return undefined;
  }

  const look = () => {
    clearTimeout(timer);
    line.abort();
    if (!document.hidden) void connect();
  };
  document.addEventListener("visibilitychange", look);
  if (!document.hidden) void connect();

  return () => {
    closed = true;
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    clearTimeout(frame);
    line.abort();
    listener.state?.("closed");
  };
}

/** Hands on each whole message of a text/event-stream (WHATWG HTML, 9.2.6), and returns the rest. */
export function messages(text: string, take: (id: string, data: string) => void): string {
  const blocks = text.split(/\r?\n\r?\n/);
  const rest = blocks.pop() ?? "";
  for (const block of blocks) {
    let id = "";
    const data: string[] = [];
    for (const field of block.split(/\r?\n/)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(field) ?? [];
      if (name === "id") id = value ?? "";
      if (name === "data") data.push(value ?? "");
    }
    if (id || data.length) take(id, data.join("\n"));
  }
  return rest;
}
