import { useAccounts } from "../../../shell/accounts";
import { useWho } from "../../../shell/session";
import { Field, Input, Select } from "../../../parts/field";
import { Note } from "../../../parts/page";
import { Pairs } from "../../../parts/pairs";
import { useForm } from "./state";

type Kind = "" | "basic" | "bearer" | "oauth2";

/** Step one: where the requests go, and how the receiver knows us. */
export function Where() {
  const { draft, set, error, editing } = useForm();
  const who = useWho();
  const accounts = useAccounts();
  const several = (accounts.data?.length ?? 0) > 1;
  const doubts = doubtsAbout(draft.url);
  return (
    <div className="stack">
      <Field label="URL" error={error("url")} hint="Where each request goes. It has to answer with a 2xx status within 15 seconds.">
        {(wired) => (
          <Input
            {...wired}
            name="url"
            type="url"
            inputMode="url"
            required
            mono
            autoFocus={!editing && !draft.url}
            placeholder="https://crm.example.com/webhooks/calls"
            value={draft.url}
            onChange={(e) => set({ url: e.target.value })}
          />
        )}
      </Field>
      {doubts.map((d) => (
        <Note key={d} kind="warn">
          {d}
        </Note>
      ))}
      <Field label="Name" optional error={error("name")} hint="For people. Without one it is called after the URL’s host.">
        {(wired) => <Input {...wired} name="name" dir="auto" value={draft.name} onChange={(e) => set({ name: e.target.value })} />}
      </Field>
      {several && (
        <Field
          label="Account"
          error={error("account_id")}
          hint={editing ? "A webhook stays with its account." : "Whose events it gets, and who sees it."}
        >
          {(wired) => (
            <Select
              {...wired}
              name="account_id"
              disabled={editing}
              value={draft.account || who.account_id}
              onChange={(e) => set({ account: e.target.value })}
              options={(accounts.data ?? []).map((a) => ({ value: a.id, label: a.name ? `${a.name} (${a.id})` : a.id }))}
            />
          )}
        </Field>
      )}
      <Auth />
      <Pairs
        legend="Headers"
        hint="Added to each request."
        pairs={draft.headers}
        onChange={(headers) => set({ headers })}
        error={(name) => error(name ? "headers." + name : "headers")}
        add="Add a header"
        field="headers"
      />
    </div>
  );
}

function Auth() {
  const { draft, set, error } = useForm();
  const auth = draft.auth as Record<string, string>;
  const kind = draft.auth.type as Kind;
  const change = (part: Record<string, string>) => set({ auth: { ...draft.auth, ...part } as typeof draft.auth });
  const field = (name: string, label: string, hint?: string, secret = false, optional = false) => (
    <Field key={name} label={label} hint={hint} optional={optional} error={error("auth." + name)}>
      {(wired) => (
        <Input
          {...wired}
          name={"auth." + name}
          type={secret ? "password" : "text"}
          autoComplete={secret ? "new-password" : "off"}
          mono
          value={auth[name] ?? ""}
          onChange={(e) => change({ [name]: e.target.value })}
        />
      )}
    </Field>
  );
  return (
    <>
      <Field
        label="Authentication"
        optional
        error={error("auth.type")}
        hint="Each request is signed in any case. This is for a receiver that asks for more."
      >
        {(wired) => (
          <Select
            {...wired}
            name="auth.type"
            value={kind}
            onChange={(e) => set({ auth: { type: e.target.value } as typeof draft.auth })}
            options={[
              { value: "", label: "None" },
              { value: "bearer", label: "Bearer token" },
              { value: "basic", label: "User name and password" },
              { value: "oauth2", label: "OAuth 2: a token from its own server" },
            ]}
          />
        )}
      </Field>
      {kind === "bearer" && field("token", "Token", undefined, true)}
      {kind === "basic" && [field("username", "User name"), field("password", "Password", undefined, true)]}
      {kind === "oauth2" && [
        field("token_url", "Token URL", "Where an access token is given for the client’s credentials."),
        field("client_id", "Client id"),
        field("client_secret", "Client secret", undefined, true),
        field("scope", "Scope", "What the token is to allow, with blanks between several.", false, true),
        field("audience", "Audience", "Whom the token is for, where the server asks for it.", false, true),
        <Field key="client_auth" label="Credentials are sent in" error={error("auth.client_auth")}>
          {(wired) => (
            <Select
              {...wired}
              name="auth.client_auth"
              value={auth.client_auth ?? ""}
              onChange={(e) => change({ client_auth: e.target.value })}
              options={[
                { value: "", label: "A header (basic)" },
                { value: "post", label: "The form (post)" },
              ]}
            />
          )}
        </Field>,
      ]}
    </>
  );
}

/** What is likely not meant with an address. */
export function doubtsAbout(text: string): string[] {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return [];
  }
  const host = url.hostname;
  const near = /^(localhost|127\.|\[::1\]|.*\.localhost$)/.test(host);
  const inside =
    /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[f[cd]|\[fe80:)/.test(host) ||
    /\.(local|internal|lan|home|corp)$/.test(host) ||
    (!host.includes(".") && !host.startsWith("[") && host !== "localhost");
  return [
    url.protocol === "http:" &&
      !near &&
      "Everybody on the way can read http: calls, numbers and texts. Use https where the receiver has it.",
    near && "This address is Switchhook’s own machine. Your own computer is reached by “switchhook listen”.",
    inside && "This address is inside a private network. Switchhook sends there only if its operator allows that network.",
  ].filter((d) => d !== false);
}
