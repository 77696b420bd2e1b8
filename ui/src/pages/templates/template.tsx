import { useQuery, useQueryClient } from "@tanstack/react-query";
import { FileQuestion, MoreHorizontal, Trash2, Undo2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { Problem } from "../../api/client";
import { type Tagged, type Template, templates } from "../../api/mail";
import { TypeName } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Confirm, Menu, say } from "../../parts/overlay";
import { Empty, Failure, Page, Skeleton } from "../../parts/page";
import { useAccount, useKeep, useMay, useWho } from "../../shell/session";
import { MailServer } from "../mails/server";
import { partWords } from "./draft";
import { Editor } from "./editor";
import { categoryName, useAccountName } from "./words";
import css from "./editor.module.css";

export default function TemplatePage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const [account] = useAccount();
  const who = useWho();
  const keep = useKeep();
  const nameOf = useAccountName();
  const may = useMay("developer");
  const owner = account ?? who.account_id;
  // It is read once: what is edited here is to be what is saved, or nothing is.
  const query = useQuery({
    queryKey: ["template", owner, id],
    queryFn: () => templates.get(id, owner),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const above = [{ href: keep("/templates"), label: "Templates" }];
  if (!query.data) {
    const none = query.error instanceof Problem && query.error.status === 404;
    return (
      <Page title="Template" above={above}>
        {none ? (
          <Empty
            icon={FileQuestion}
            title="There is no such template"
            action={<ButtonLink href={keep("/templates")}>All templates</ButtonLink>}
          >
            It may be one of another account’s own, or be gone.
          </Empty>
        ) : query.error ? (
          <Failure error={query.error} again={() => void query.refetch()} />
        ) : (
          <Skeleton lines={10} />
        )}
      </Page>
    );
  }
  const { template: t } = query.data;
  return (
    <Page
      title={<bdi>{t.name}</bdi>}
      name={t.name}
      above={above}
      lead={
        <>
          {t.description || "Sent where a call flow's notification (notification.custom) names it."} Here it is as for{" "}
          <bdi>{nameOf(owner)}</bdi>.
        </>
      }
      beside={
        <span className={css.events}>
          <span className="muted">{categoryName(t.category)}</span>
          {t.event_types.map((e) => (
            <TypeName key={e} type={e} />
          ))}
        </span>
      }
      actions={may && t.changed.length > 0 && <RevertAll template={t} owner={owner} />}
    >
      <MailServer />
      <Editor key={owner + id} first={query.data} owner={owner} />
    </Page>
  );
}

/** Gives everything back that the account has made its own. */
function RevertAll({ template: t, owner }: { template: Template; owner: string }) {
  const [asked, ask] = useState(false);
  const client = useQueryClient();
  const keep = useKeep();
  const [, go] = useLocation();
  const gone = t.custom && !t.inherited;
  return (
    <>
      <Menu
        trigger={<Button icon={MoreHorizontal} aria-label="More actions" />}
        items={[
          gone
            ? { label: "Delete…", icon: Trash2, danger: true, onSelect: () => ask(true) }
            : { label: "Revert all to inherited…", icon: Undo2, danger: true, onSelect: () => ask(true) },
        ]}
      />
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title={gone ? "Delete this template?" : "Revert all parts to what is inherited?"}
        action={gone ? "Delete the template" : "Revert all"}
        danger
        onConfirm={async () => {
          await templates.revert(t.id, owner);
          void client.invalidateQueries({ queryKey: ["templates"] });
          if (gone) {
            say("The template is deleted");
            return go(keep("/templates"));
          }
          const now = await templates.get(t.id, owner);
          client.setQueryData<Tagged>(["template", owner, t.id], now);
          say("All is as it is inherited");
        }}
      >
        {gone
          ? "Call flows that name it send nothing any more."
          : `These are yours now, and would not be any more: ${t.changed.map((n) => partWords[n as "subject"].toLowerCase()).join(", ")}. The versions stay, and any can be restored.`}
      </Confirm>
    </>
  );
}
