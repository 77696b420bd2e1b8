import { useQuery } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, body, Problem } from "../../api/client";
import { Badge, Time, useNow } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Field, Input, Segments } from "../../parts/field";
import { say } from "../../parts/overlay";
import { Card, Facts, Failure, Loaded, Page } from "../../parts/page";
import { useOperator, useWho } from "../../shell/session";
import { choose, type Theme, useTheme } from "../../shell/theme";
import { span } from "../../words/time";
import css from "./settings.module.css";

const kinds = { user: "a user", key: "an API key", portal_link: "whoever followed a portal link" };

/** What runs here, and what is one's own. */
export default function SettingsPage() {
  const who = useWho();
  const operator = useOperator();
  const theme = useTheme();
  return (
    <Page title="Settings">
      <div className={css.two}>
        <div className="stack">
          <Card
            title="You"
            actions={
              !who.embedded && (
                <Button size="small" icon={LogOut} onClick={() => void api.DELETE("/v1/session").then(() => location.assign("/"))}>
                  Sign out
                </Button>
              )
            }
          >
            <Facts
              items={[
                ["Signed in as", <bdi key="who">{who.name ?? kinds[who.kind]}</bdi>],
                who.login ? ["Login", <bdi key="login">{who.login}</bdi>] : undefined,
                ["That is", kinds[who.kind]],
                ["Account", <bdi key="account">{who.account_name}</bdi>],
                [
                  "Role",
                  <Badge key="role" tone="info">
                    {who.role}
                  </Badge>,
                ],
                who.expires_at ? ["Session ends", <Time key="ends" at={who.expires_at} as="ago" />] : undefined,
              ]}
            />
          </Card>
          <Card title="Look" lead="Kept in this browser.">
            <Segments<Theme>
              label="Theme"
              value={theme}
              onChange={choose}
              options={[
                { value: "system", label: "As the system" },
                { value: "light", label: "Light" },
                { value: "dark", label: "Dark" },
              ]}
            />
          </Card>
          {who.has_password && <Password />}
        </div>
        <div className="stack">
          <Server />
          <Card title="More">
            <ul className={css.links}>
              <li>
                <a href="/docs">API reference</a>
                <span>every operation, with examples</span>
              </li>
              <li>
                <a href="/openapi.json">OpenAPI document</a>
                <span>the same for programs</span>
              </li>
              {operator && (
                <li>
                  <a href="/metrics">Metrics</a>
                  <span>for Prometheus; away from this machine they need a key</span>
                </li>
              )}
              <li>
                <a href="/licenses.md">Licences</a>
                <span>of what this page is made of</span>
              </li>
            </ul>
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Server() {
  const info = useQuery({ queryKey: ["info"], queryFn: () => body(api.GET("/v1/info")), staleTime: 60_000 });
  return (
    <Card title="This server">
      <Loaded query={info}>
        {(i) => (
          <Facts
            items={[
              ["Version", i.version],
              i.store ? ["Keeps its data in", i.store] : undefined,
              ["Started", <Time key="started" at={i.started_at} />],
              ["Runs for", <Uptime key="uptime" since={i.started_at} />],
              ["Shapes", i.dialects.join(", ")],
              ["Kinds of sources", i.source_kinds.join(", ")],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Uptime({ since }: { since: string }) {
  return span(useNow() - Date.parse(since));
}

function Password() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const change = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    const data = new FormData(form);
    const text = (name: string) => {
      const v = data.get(name);
      return typeof v === "string" ? v : "";
    };
    if (text("new") !== text("again")) return setError(new Error("The new password was not typed the same twice."));
    setBusy(true);
    setError(undefined);
    try {
      await api.POST("/v1/session/password", { body: { current: text("current"), new: text("new") } });
      form.reset();
      say("Your password was changed", "Your other sessions have ended.");
    } catch (p) {
      setError(p);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Password" lead="Your other sessions end with it.">
      <form className="stack" onSubmit={(e) => void change(e)}>
        <Field label="The one until now" error={problem?.about("current")}>
          {(w) => <Input {...w} name="current" type="password" autoComplete="current-password" required />}
        </Field>
        <Field label="The new one" hint="At least 10 characters." error={problem?.about("new")}>
          {(w) => <Input {...w} name="new" type="password" autoComplete="new-password" required />}
        </Field>
        <Field label="The new one again">{(w) => <Input {...w} name="again" type="password" autoComplete="new-password" required />}</Field>
        {error !== undefined && <Failure error={error} />}
        <div>
          <Button kind="primary" type="submit" busy={busy}>
            Change password
          </Button>
        </div>
      </form>
    </Card>
  );
}
