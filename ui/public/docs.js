// The page at /docs: /openapi.json made readable, without any help from
// elsewhere. Everything is put in as text; of Markdown it knows paragraphs,
// **bold** and `code`.

const $ = (id) => document.getElementById(id);

function el(tag, className, ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

function prose(text) {
  return (text ?? "")
    .split("\n\n")
    .filter(Boolean)
    .map((paragraph) => {
      const p = el("p", "");
      for (const piece of paragraph.split(/(\*\*[^*]+\*\*|`[^`]+`)/)) {
        if (piece.startsWith("**")) p.append(el("strong", "", piece.slice(2, -2)));
        else if (piece.startsWith("`")) p.append(el("code", "", piece.slice(1, -1)));
        else p.append(piece);
      }
      return p;
    });
}

let api;

function resolve(schema) {
  if (!schema?.$ref) return schema ?? {};
  return { ...api.components.schemas[schema.$ref.split("/").pop()], $name: schema.$ref.split("/").pop(), description: schema.description };
}

/** What a value is, in a few words. */
function kind(schema) {
  if (schema.$ref)
    return schema.$ref
      .split("/")
      .pop()
      .replace(/^data\..*/, "object");
  if (schema.oneOf) return schema.oneOf.map(kind).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const types = [schema.type ?? "any"].flat().filter((t) => t !== "null");
  let text = types.map((t) => (t === "array" ? "array of " + kind(schema.items ?? {}) : t)).join(" or ");
  if (schema.enum) text = schema.enum.filter((v) => v !== null && v !== "").join(" | ");
  if (schema.format === "date-time") text = "time";
  if (schema.default !== undefined) text += ", default " + JSON.stringify(schema.default);
  return text;
}

/** The schema whose members are worth showing: the object, or the list's items. */
function inner(schema) {
  let s = resolve(schema);
  while (s.type === "array" && s.items) s = resolve(s.items);
  return s;
}

function fields(schema, depth) {
  const s = inner(schema),
    need = new Set(s.required ?? []);
  const members = Object.entries(s.properties ?? {}).sort(([x], [y]) => need.has(y) - need.has(x)); // what has to be there first
  return members.map(([name, p]) => {
    const full = resolve(p);
    const f = el("div", "field", el("span", "name", name), el("span", "kind", kind(p)));
    if (need.has(name)) f.append(el("span", "need", "required"));
    f.append(...prose(p.description ?? full.description));
    if (depth < 6 && Object.keys(inner(p).properties ?? {}).length) f.append(fold("Fields", () => fields(p, depth + 1)));
    return f;
  });
}

/** Children that are made when they are asked for. */
function fold(title, make) {
  const box = el("div", "fields"),
    d = el("details", "", el("summary", "", title), box);
  d.addEventListener("toggle", () => {
    if (d.open && !box.hasChildNodes()) box.append(...make());
  });
  return d;
}

function body(title, content) {
  return Object.entries(content ?? {}).flatMap(([type, { schema }]) => {
    const out = [el("h4", "", `${title}: ${type}, ${kind(schema ?? {})}`)];
    const shapes = schema?.oneOf ?? [schema ?? {}];
    const shape = shapes.find((s) => Object.keys(inner(s).properties ?? {}).length);
    if (shape) out.push(...fields(shape, 0));
    return out;
  });
}

function operation(method, path, op) {
  const a = el("article", "card", el("div", "operation", el("span", "method " + method, method.toUpperCase()), el("span", "path", path)));
  a.id = op.operationId;
  a.append(el("h3", "", op.summary ?? ""), ...prose(op.description));
  if (op.parameters?.length) {
    a.append(el("h4", "", "Parameters"));
    for (const p of op.parameters) {
      const f = el("div", "field", el("span", "name", p.name), el("span", "kind", `${p.in}, ${kind(p.schema ?? {})}`));
      if (p.required) f.append(el("span", "need", "required"));
      f.append(...prose(p.description ?? p.schema?.description));
      a.append(f);
    }
  }
  a.append(...body("Body", op.requestBody?.content));
  for (const [status, response] of Object.entries(op.responses ?? {})) {
    const shown = body(status, response.content);
    if (status === "default") continue;
    a.append(
      shown.length
        ? fold(`Answer ${status}: ${response.description}`, () => shown)
        : el("h4", "", `Answer ${status}: ${response.description}`),
    );
  }
  return a;
}

function show() {
  const byTag = new Map(api.tags.map((t) => [t.name, { about: t.description, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const op = item[method];
      if (op) byTag.get(op.tags[0]).operations.push({ method, path, op });
    }
  }
  const intro = el("section", "", el("h1", "", `${api.info.title} API`), ...prose(api.info.description));
  $("document").replaceChildren(intro);
  for (const [name, { about, operations }] of byTag) section(name, about, operations);
  section(
    "What your receiver gets",
    "In the dialect switchhook: one POST per event, with these bodies. The other dialects are shown by /v1/event-types/{type}.",
    Object.entries(api.webhooks ?? {}).map(([name, item]) => ({ method: "post", path: name, op: item.post })),
    true,
  );
  if (location.hash) $(location.hash.slice(1))?.scrollIntoView();
}

const groups = []; // each group of the contents with its section

function section(name, about, operations, short) {
  const s = el("section", "", el("h2", "", name), ...prose(about), ...operations.map((o) => operation(o.method, o.path, o.op)));
  const list = operations.map((o) => {
    const link = el("a", "", short ? o.path : o.op.summary);
    link.href = "#" + o.op.operationId;
    link.dataset.text = `${o.method} ${o.path} ${o.op.summary} ${o.op.operationId}`.toLowerCase();
    return link;
  });
  const group = el("div", "", el("h3", "", name), ...list);
  groups.push({ group, section: s });
  $("contents").append(group);
  $("document").append(s);
}

$("find").addEventListener("input", () => {
  const wanted = $("find").value.trim().toLowerCase();
  for (const link of $("contents").querySelectorAll("a")) {
    const hide = wanted !== "" && !link.dataset.text.includes(wanted);
    link.hidden = hide;
    $(link.hash.slice(1)).hidden = hide;
  }
  for (const { group, section } of groups) group.hidden = section.hidden = !group.querySelector("a:not([hidden])");
});

try {
  api = await (await fetch("/openapi.json")).json();
  show();
} catch (err) {
  $("document").replaceChildren(el("p", "empty", "The description could not be read: " + err.message));
}
