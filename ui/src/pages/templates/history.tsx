import { useQuery } from "@tanstack/react-query";
import { History as Clock } from "lucide-react";
import { useState } from "react";
import { type Tagged, type Template, templates, type Version } from "../../api/mail";
import { Badge, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Diff } from "../../parts/code";
import { Confirm, Dialog, say } from "../../parts/overlay";
import { Empty, Loaded } from "../../parts/page";
import { useMay } from "../../shell/session";
import { asText, partNames, partWords } from "./draft";
import css from "./editor.module.css";

/** What the account has made its own, and when: any of it can come back. */
export function History({
  template: t,
  owner,
  dirty,
  onRestored,
}: {
  template: Template;
  owner: string;
  dirty: boolean;
  onRestored(now: Tagged): void;
}) {
  const may = useMay("developer");
  const query = useQuery({ queryKey: ["template-versions", owner, t.id], queryFn: () => templates.versions(t.id, owner) });
  const [shown, show] = useState<Version>();
  const [asked, ask] = useState<Version>();
  return (
    <>
      <Loaded query={query}>
        {(list) =>
          list.length ? (
            <ol className={css.versions}>
              {list.map((v, i) => (
                <li key={v.version}>
                  <div className="row wrap">
                    <b>Version {v.version}</b>
                    {i === 0 && <Badge tone="info">Now</Badge>}
                    <span className="grow" />
                    <Button size="small" kind="quiet" onClick={() => show(v)}>
                      {i === 0 ? "Show" : "Compare"}
                      <span className="unseen"> version {v.version}</span>
                    </Button>
                    {may && i > 0 && (
                      <Button size="small" kind="quiet" onClick={() => ask(v)}>
                        Restore<span className="unseen"> version {v.version}</span>
                      </Button>
                    )}
                  </div>
                  <p className="muted small">
                    <Time at={v.updated_at} />
                    {v.updated_by && (
                      <>
                        , by <bdi>{v.updated_by}</bdi>
                      </>
                    )}
                  </p>
                  <p className="small">
                    {v.reverted
                      ? "Everything reverted to what is inherited"
                      : partNames
                          .filter((n) => v[n] !== undefined)
                          .map((n) => partWords[n])
                          .join(", ")}
                  </p>
                </li>
              ))}
            </ol>
          ) : (
            <Empty icon={Clock} title="Never changed here">
              Each change that is saved makes a version. They are kept, and any of them can be restored.
            </Empty>
          )
        }
      </Loaded>
      <Dialog
        open={shown !== undefined}
        onClose={() => show(undefined)}
        wide
        title={`Version ${shown?.version ?? ""}`}
        lead={shown && (shown.version === t.version ? "What is your own now." : "What changed from this version to what is your own now.")}
      >
        {shown && (
          <Diff
            label={`Version ${shown.version}`}
            language="html"
            before={shown.version === t.version ? "" : asText(shown)}
            after={asText(t.own)}
          />
        )}
      </Dialog>
      <Confirm
        open={asked !== undefined}
        onClose={() => ask(undefined)}
        title={`Restore version ${asked?.version ?? ""}?`}
        action="Restore"
        onConfirm={async () => {
          if (!asked) return;
          await templates.restore(t.id, owner, asked.version);
          onRestored(await templates.get(t.id, owner));
          say(`Version ${asked.version} is restored`, "As a new version: nothing is lost.");
        }}
      >
        It becomes a new version, in force at once.{dirty && " What you have changed here and not saved is dropped."}
      </Confirm>
    </>
  );
}
