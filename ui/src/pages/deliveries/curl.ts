// A request as a command that anybody can run.

interface Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

const masked = /\*{6,}/;

/** A word of a POSIX shell. */
export const quoted = (s: string) => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`);

/** The names of the headers whose values we do not have. */
export const secretsOf = (r: Request) =>
  Object.entries(r.headers)
    .filter(([, v]) => masked.test(v))
    .map(([n]) => n);

/** The request as curl makes it. Its credentials are masked, which a comment says. */
export function curl(r: Request): string {
  // What curl says by itself it would say twice.
  const headers = Object.entries(r.headers).filter(([n]) => !/^(content-length|host|accept-encoding)$/i.test(n));
  const secret = secretsOf(r);
  const lines = [`curl -X ${quoted(r.method)} ${quoted(r.url)}`, ...headers.map(([n, v]) => `-H ${quoted(`${n}: ${v}`)}`)];
  if (r.body) lines.push(`--data-raw ${quoted(r.body)}`);
  const note =
    secret.length || masked.test(r.url)
      ? `# Masked, put in your own: ${[...secret, ...(masked.test(r.url) ? ["the URL"] : [])].join(", ")}\n`
      : "";
  return note + lines.join(" \\\n  ");
}
