import { CircleCheck } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Schemas } from "../../api/client";
import { ButtonLink } from "../../parts/button";
import { Card, Note, Page } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { SecretOnce } from "./secret";
import { TestPanel } from "./test";
import { VerifyCode } from "./verify/verify";
import css from "./webhooks.module.css";

/** What is to be done with a webhook that was just made. */
export function Created({ webhook }: { webhook: Schemas["Webhook"] }) {
  const link = useKeep();
  const head = useRef<HTMLDivElement>(null);
  // The form is gone: the focus goes on where the page does.
  useEffect(() => head.current?.focus(), []);
  return (
    <Page
      title={
        <span className={css.done}>
          <CircleCheck size={24} aria-hidden />
          <span dir="auto">{webhook.name}</span>
        </span>
      }
      name="Webhook created"
      above={[{ href: link("/webhooks"), label: "Webhooks" }]}
      lead="The webhook is created, and in force: from now on it gets the events that you chose."
      actions={
        <ButtonLink kind="primary" href={link("/webhooks/" + webhook.id)}>
          Open the webhook
        </ButtonLink>
      }
    >
      <div ref={head} tabIndex={-1} className={css.created}>
        {webhook.warnings?.map((w) => (
          <Note key={w} kind="warn">
            {w}
          </Note>
        ))}
        <Card title="1. Keep the signing secret">
          <SecretOnce secret={webhook.secret} publicKey={webhook.secrets.find((s) => s.public_key)?.public_key} />
        </Card>
        <Card title="2. See it arrive" lead={webhook.url}>
          <TestPanel webhook={webhook} />
        </Card>
        <Card title="3. Verify the signatures" lead="So that your program believes nobody else.">
          <VerifyCode signing={webhook.signing} />
        </Card>
      </div>
    </Page>
  );
}
