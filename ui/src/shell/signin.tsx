import { KeyRound, LogIn, ShieldCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, type Schemas } from "../api/client";
import { Button } from "../parts/button";
import { Field, Input, Segments } from "../parts/field";
import { Dialog } from "../parts/overlay";
import { Failure } from "../parts/page";
import type { Who } from "./session";
import css from "./signin.module.css";

type Ways = Schemas["Ways"];
type Way = "password" | "key";

/** The way in, in the operator's name and colours. */
export function SignIn({ ways, onDone }: { ways: Ways; onDone(): void }) {
  const name = ways.brand.name ?? "Switchhook";
  return (
    <main className={css.page}>
      <title>{`Sign in · ${name}`}</title>
      <div className={css.card}>
        <img src={ways.brand.logo ?? "/icon.svg"} alt="" height={40} />
        <h1 dir="auto">Sign in to {name}</h1>
        <SignInForm ways={ways} onDone={onDone} />
      </div>
      <p className={css.below}>
        <a href="/docs">API reference</a>
      </p>
    </main>
  );
}

/** The way back in, in front of the page as it was. */
export function SignInAgain({ ways, who, onDone }: { ways: Ways; who: Who; onDone(): void }) {
  if (who.kind === "portal_link") {
    return (
      <Dialog open onClose={() => {}} title="This session has ended" lead="Sessions that are opened by a link end by themselves.">
        <p>Go back to where you opened this page, and open it again. What you have typed here stays on the screen until then.</p>
      </Dialog>
    );
  }
  return (
    <Dialog
      open
      onClose={() => {}}
      title="Sign in again"
      lead="The session has ended. The page behind is as you left it, with what you have typed."
    >
      <SignInForm ways={ways} start={who.kind === "key" ? "key" : "password"} login={who.login} onDone={onDone} />
    </Dialog>
  );
}

function SignInForm({ ways, start, login, onDone }: { ways: Ways; start?: Way; login?: string; onDone(): void }) {
  const [way, setWay] = useState<Way>(start ?? (ways.password ? "password" : "key"));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const signIn = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "").trim();
    setBusy(true);
    setError(undefined);
    try {
      await api.POST("/v1/session", {
        body: way === "key" ? { key: value("key") } : { login: value("login"), password: String(form.get("password") ?? "") },
      });
      onDone();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className={css.form} onSubmit={(e) => void signIn(e)}>
      {ways.oidc && (
        <>
          <Button
            icon={ShieldCheck}
            onClick={() => location.assign(`${ways.oidc?.url}?return=${encodeURIComponent(location.pathname + location.search)}`)}
          >
            Continue with {ways.oidc.name}
          </Button>
          <p className={css.or}>or</p>
        </>
      )}
      {ways.password && ways.key && (
        <Segments
          label="How to sign in"
          value={way}
          onChange={(w) => {
            setWay(w);
            setError(undefined);
          }}
          options={[
            { value: "password", label: "Password" },
            { value: "key", label: "API key" },
          ]}
        />
      )}
      {way === "password" ? (
        <>
          <Field label="Login">
            {(w) => <Input {...w} name="login" autoComplete="username" defaultValue={login} autoFocus={!login} required dir="auto" />}
          </Field>
          <Field label="Password">
            {(w) => <Input {...w} name="password" type="password" autoComplete="current-password" autoFocus={!!login} required />}
          </Field>
        </>
      ) : (
        <Field
          label="API key"
          hint="The operator’s first key was printed when the server started, and lies in its data directory as admin.key."
        >
          {(w) => <Input {...w} name="key" type="password" autoFocus required mono />}
        </Field>
      )}
      {error !== undefined && <Failure error={error} />}
      <Button kind="primary" type="submit" icon={way === "key" ? KeyRound : LogIn} busy={busy}>
        Sign in
      </Button>
    </form>
  );
}
