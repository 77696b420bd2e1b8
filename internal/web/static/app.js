// The page at /: it asks the API with the user's key, and follows the stream of
// attempts. Everything that it shows is put in as text, never as HTML.

const keyName = "switchhook-key";
const mostRows = 300;
const $ = (id) => document.getElementById(id);

/** An element with a class and children (strings become text). */
function el(tag, className, ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

class Refused extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

let key = takeKey();
let session = new AbortController(); // ends when the key is forgotten

/** The key from the address (#key=…, at once taken out of it) or from this tab. */
function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    sessionStorage.setItem(keyName, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(keyName) ?? "";
}

/** Asks the API; what is refused is thrown. */
async function ask(path, options = {}) {
  const answer = await fetch(path, {
    ...options, cache: "no-store", signal: session.signal,
    headers: { Authorization: "Bearer " + key, ...options.headers },
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? answer.statusText);
  }
  return answer;
}

async function start() {
  session = new AbortController();
  if (!key) return showGate("");
  let info;
  try {
    info = await (await ask("/v1/info")).json();
  } catch (err) {
    if (err.name === "AbortError") return;
    return showGate(err.status === 401 ? "This server does not know that key." : String(err.message));
  }
  $("gate").hidden = true;
  $("board").hidden = false;
  $("leave").hidden = false;
  showInfo(info);
  await showWebhooks().catch(() => {}); // the list needs their names; every tells what is wrong
  if (session.signal.aborted) return;
  every(5000, showWebhooks);
  every(1000, drawPulse);
  follow();
}

function showGate(error) {
  $("board").hidden = true;
  $("leave").hidden = true;
  $("gate").hidden = false;
  $("key-error").hidden = !error;
  $("key-error").textContent = error;
  $("key").focus();
}

/** Does something now and again and again, until the session ends. */
function every(ms, fn) {
  const { signal } = session;
  const turn = async () => {
    try {
      if (!document.hidden) await fn();
    } catch (err) {
      if (err.status === 401) return forget("The key is no longer valid.");
    }
    if (!signal.aborted) setTimeout(turn, ms);
  };
  turn();
}

function forget(error) {
  session.abort();
  sessionStorage.removeItem(keyName);
  key = "";
  $("rows").replaceChildren();
  showGate(error);
}

// What is running.

function showInfo(info) {
  $("version").textContent = info.version || "dev";
  $("store").textContent = info.store ?? "";
  $("store").parentElement.hidden = !info.store;
  $("account").textContent = info.account_id;
  const started = Date.parse(info.started_at);
  every(1000, () => { $("uptime").textContent = span((Date.now() - started) / 1000); });
}

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds)), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  if (m) return `${m} min ${s % 60} s`;
  return `${s} s`;
}

// The webhooks.

const names = new Map(); // webhook id → name

async function showWebhooks() {
  const { items, next_cursor } = await (await ask("/v1/webhooks?limit=200")).json();
  $("webhooks-count").textContent = items.length ? items.length + (next_cursor ? "+" : "") : "";
  $("no-webhooks").hidden = items.length > 0;
  document.querySelector(".hooks").hidden = items.length === 0;
  $("webhooks").replaceChildren(...items.map((w) => {
    names.set(w.id, w.name);
    const look = { active: "good", paused: "wait", failing: "bad" }[w.status] ?? "";
    const status = el("span", "badge " + look, w.status);
    status.title = w.disable_reason ?? (w.status === "failing" ? w.stats?.last_error ?? "" : "");
    const waiting = w.stats?.pending ? el("span", "count", ` ${w.stats.pending} waiting`) : "";
    const name = el("td", "", w.name);
    name.title = w.id;
    return el("tr", "",
      name,
      el("td", "", el("span", "dialect", w.dialect + (w.format ? " " + w.format : ""))),
      el("td", "events mono", w.events.join(", ")),
      el("td", "url mono", w.flow ? "as each call flow says" : w.url),
      el("td", "", status, waiting));
  }));
}

// The live list.

let paused = false;
let held = []; // attempts that came while it was paused
const tally = { good: 0, wait: 0, bad: 0 };
const seconds = []; // {at, ok, no}, one per second in which something came

async function follow() {
  const { signal } = session;
  let last = "";
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 15000)) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const answer = await ask("/v1/attempts/stream?backlog=" + (last ? 0 : 50), { headers });
      wait = 500;
      showState();
      for await (const message of messages(answer.body)) {
        if (message.id) last = message.id;
        take(JSON.parse(message.data), Date.now());
      }
    } catch (err) {
      if (signal.aborted) return;
      if (err.status === 401) return forget("The key is no longer valid.");
    }
    if (signal.aborted) return;
    showState("lost", "connection lost, trying again");
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** The messages of a stream of server-sent events. (EventSource sends no key.) */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const message = { id: "", data: "" };
      for (const line of part.split("\n")) {
        if (line.startsWith("id: ")) message.id = line.slice(4);
        if (line.startsWith("data: ")) message.data += line.slice(6);
      }
      if (message.data) yield message;
    }
  }
}

function showState(look, text) {
  $("state").className = "state " + (look ?? (paused ? "paused" : "live"));
  $("state").textContent = text ?? (paused ? "paused" + (held.length ? `, ${held.length} new` : "") : "live");
}

/** What became of the delivery with this attempt: good, wait or bad. */
function lookOf(a) {
  if (a.outcome === "success") return "good";
  return a.delivery_state === "pending" ? "wait" : "bad";
}

function take(a, now) {
  tally[lookOf(a)]++;
  const second = Math.floor(Math.max(Date.parse(a.started_at), now - 60000) / 1000);
  let bar = seconds.find((s) => s.at === second);
  if (!bar) seconds.push(bar = { at: second, ok: 0, no: 0 });
  bar[a.outcome === "success" ? "ok" : "no"]++;
  if (paused) {
    held.push(a);
    if (held.length > mostRows) held.shift();
    return showState();
  }
  addRow(a);
}

function addRow(a) {
  const look = lookOf(a);
  const row = el("tr", "fresh " + { good: "done", wait: "retry", bad: "failed" }[look],
    el("td", "time", clock(a.started_at)),
    el("td", "mono", a.event_type),
    el("td", "", el("span", "dialect", a.dialect)),
    el("td", "", names.get(a.webhook_id) ?? a.webhook_id),
    el("td", "num", badge(a, look)),
    el("td", "num", ms(a.duration_ms)));
  row.tabIndex = 0;
  row.dataset.id = a.id;
  row.setAttribute("aria-label", `${a.event_type} to ${names.get(a.webhook_id) ?? a.webhook_id}: ${a.outcome}`);
  $("rows").prepend(row);
  while ($("rows").rows.length > mostRows) $("rows").deleteRow(-1);
  $("no-rows").hidden = true;
}

function badge(a, look) {
  const text = a.status ? String(a.status) : a.outcome === "success" ? "ok" : "no answer";
  const b = el("span", "badge " + look, a.attempt_number > 1 ? `${text} · try ${a.attempt_number}` : text);
  b.title = a.error || (look === "wait" ? "will be tried again" : a.delivery_state);
  return b;
}

function clock(time) {
  const t = new Date(time);
  return t.toLocaleTimeString([], { hour12: false }) + "." + String(t.getMilliseconds()).padStart(3, "0");
}

function ms(n) { return n < 10 ? n.toFixed(1) : String(Math.round(n)); }

/** The last minute as bars, and the counts beside the title. */
function drawPulse() {
  const now = Math.floor(Date.now() / 1000);
  while (seconds.length && seconds[0].at < now - 60) seconds.shift();
  const most = Math.max(4, ...seconds.map((s) => s.ok + s.no));
  const rect = (x, y, h, c) => {
    const r = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [k, v] of Object.entries({ x, y, width: 8, height: h, rx: 1.5, class: c })) r.setAttribute(k, v);
    return r;
  };
  $("pulse").replaceChildren(...seconds.flatMap((s) => {
    const x = 600 - (now - s.at) * 10 - 9, ok = s.ok / most * 40, no = s.no / most * 40;
    return [ok ? rect(x, 44 - ok, ok, "ok") : null, no ? rect(x, 44 - ok - no, no, "no") : null].filter(Boolean);
  }));
  $("tally").replaceChildren(...[["good", "delivered"], ["wait", "to retry"], ["bad", "failed"]]
    .filter(([look]) => tally[look]).map(([look, word]) => el("span", "badge " + look, `${tally[look]} ${word}`)));
}

function togglePause() {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  if (!paused) {
    held.forEach(addRow);
    held = [];
  }
  showState();
}

// One attempt: what was sent and what came back.

let shown = null;

async function open(id) {
  shown = await (await ask("/v1/attempts/" + encodeURIComponent(id))).json();
  showDetail();
  if (!$("detail").open) $("detail").showModal();
}

function showDetail() {
  const a = shown;
  $("detail-title").textContent = a.event_type;
  const facts = [
    ["Outcome", el("span", "badge " + lookOf(a), `${a.outcome}, delivery ${a.delivery_state}`)],
    ["Try", String(a.attempt_number)], ["Started", new Date(a.started_at).toLocaleString() + `, took ${ms(a.duration_ms)} ms`],
    ["Dialect", a.dialect], ["Webhook", `${names.get(a.webhook_id) ?? ""} ${a.webhook_id}`.trim()], ["Event", a.event_id], ["Delivery", a.delivery_id],
  ];
  if (a.error) facts.splice(1, 0, ["Error", a.error]);
  if (a.next_attempt_at) facts.push(["Next try", new Date(a.next_attempt_at).toLocaleString()]);
  const pairs = el("dl", "pairs");
  for (const [name, value] of facts) pairs.append(el("dt", "", name), el("dd", "", value));
  $("detail-body").replaceChildren(pairs);
  if (a.request) $("detail-body").append(part("Request", `${a.request.method} ${a.request.url}`, a.request));
  if (a.response) $("detail-body").append(part("Response", `HTTP ${a.response.status}`, a.response));
}

function part(title, line, message) {
  const head = Object.entries(message.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
  const section = el("section", "", el("h3", "", title), el("pre", "", line + (head ? "\n" + head : "")));
  if (message.body) section.append(el("pre", "", $("pretty").checked ? formatted(message.body) : message.body));
  return section;
}

function formatted(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

// What the user does.

$("key-form").addEventListener("submit", (e) => {
  e.preventDefault();
  key = $("key").value.trim();
  $("key").value = "";
  if (!key) return;
  sessionStorage.setItem(keyName, key);
  start();
});
$("leave").addEventListener("click", () => forget(""));
$("pause").addEventListener("click", togglePause);
$("close").addEventListener("click", () => $("detail").close());
$("pretty").addEventListener("change", () => shown && showDetail());
$("detail").addEventListener("click", (e) => { if (e.target === $("detail")) $("detail").close(); });
$("rows").addEventListener("click", (e) => openRow(e.target.closest("tr")));
$("rows").addEventListener("keydown", (e) => {
  const row = e.target.closest("tr");
  if (e.key === "Enter" || e.key === " ") { e.preventDefault(); openRow(row); }
  if (e.key === "ArrowDown") { e.preventDefault(); row.nextElementSibling?.focus(); }
  if (e.key === "ArrowUp") { e.preventDefault(); row.previousElementSibling?.focus(); }
});
document.addEventListener("keydown", (e) => {
  if (e.key === "p" && !e.ctrlKey && !e.metaKey && !e.altKey && !e.target.closest("input") && !$("board").hidden && !$("detail").open) togglePause();
});
addEventListener("hashchange", () => {
  if (!location.hash.includes("key=")) return;
  session.abort();
  key = takeKey();
  start();
});

function openRow(row) {
  if (row) open(row.dataset.id).catch((err) => showState("lost", err.message));
}

start();
