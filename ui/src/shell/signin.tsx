import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../api/client";
import { Button } from "../parts/button";
import { Field, Input, Segments } from "../parts/field";
import { Failure } from "../parts/page";
import { product } from "./brand";
import css from "./signin.module.css";

type Way = "password" | "key";

/** The way in: a user's login and password, or an API key. */
export function SignIn({ onDone }: { onDone(): void }) {
  const [way, setWay] = useState<Way>("password");
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
      setBusy(false);
    }
  };

  return (
    <main className={css.page}>
      <form className={css.card} onSubmit={(e) => void signIn(e)}>
        <img src="/icon.svg" alt="" width={40} height={40} />
        <h1>Sign in to {product()}</h1>
        <Segments
          label="How"
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
        {way === "password" ? (
          <>
            <Field label="Login">{(w) => <Input {...w} name="login" autoComplete="username" autoFocus required />}</Field>
            <Field label="Password">
              {(w) => <Input {...w} name="password" type="password" autoComplete="current-password" required />}
            </Field>
          </>
        ) : (
          <Field label="API key" hint="The operator's key was printed at the first start, and lies in the data directory.">
            {(w) => <Input {...w} name="key" type="password" autoFocus required mono />}
          </Field>
        )}
        {error !== undefined && <Failure error={error} />}
        <Button kind="primary" type="submit" icon={KeyRound} busy={busy}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
