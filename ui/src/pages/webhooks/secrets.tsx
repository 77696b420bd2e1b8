import { useQueryClient } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { useState } from "react";
import { api, body, type Schemas } from "../../api/client";
import { Badge, Id, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Confirm, Dialog } from "../../parts/overlay";
import { Card, Note } from "../../parts/page";
import { Table } from "../../parts/table";
import { useMay } from "../../shell/session";
import { SecretOnce } from "./secret";

type Hook = Schemas["Webhook"];

/** What signs the requests, and how it is changed without a gap. */
export function Secrets({ webhook }: { webhook: Hook }) {
  const [asked, ask] = useState(false);
  const [fresh, setFresh] = useState<Hook>();
  const may = useMay("developer");
  const client = useQueryClient();
  const { id } = webhook;
  const overlapping = webhook.secrets.some((s) => s.expires_at);
  async function rotate() {
    const changed = await body(api.POST("/v1/webhooks/{id}/rotate-secret", { params: { path: { id } }, body: {} }));
    setFresh(changed);
    client.setQueryData(["webhook", id], { ...changed, secret: undefined });
  }
  return (
    <div className="stack">
      <Card
        flush
        title="Signing secrets"
        lead="Each request carries a signature with every one of these."
        actions={
          may && (
            <Button size="small" icon={RotateCw} onClick={() => ask(true)}>
              Rotate
            </Button>
          )
        }
      >
        <Table
          label="Signing secrets"
          items={webhook.secrets.map((s, i) => ({ ...s, i }))}
          id={(s) => String(s.i)}
          columns={[
            {
              head: "Kind",
              narrow: "title",
              cell: (s) => (
                <span className="row">
                  {s.public_key ? "Ed25519 key" : "HMAC secret"} {s.expires_at ? <Badge>old</Badge> : <Badge tone="ok">in use</Badge>}
                </span>
              ),
            },
            { head: "Value", cell: (s) => (s.public_key ? <Id>{s.public_key}</Id> : <code>{s.value}</code>) },
            { head: "Signs until", cell: (s) => (s.expires_at ? <Time at={s.expires_at} /> : "it is rotated") },
          ]}
        />
      </Card>
      {overlapping && (
        <Note>
          A rotation is under way: requests are signed with the old and the new secret, so that your receiver verifies with either. Give it
          the new one before the old one ends.
        </Note>
      )}
      <Confirm open={asked} onClose={() => ask(false)} title="Rotate the signing secret?" action="Rotate" onConfirm={rotate}>
        A new secret is made, and shown once. For 24 hours requests are signed with both, so nothing is refused while you give the new one
        to your receiver. A receiver that still has the old one after that refuses what we send.
      </Confirm>
      <Dialog
        open={fresh !== undefined}
        onClose={() => setFresh(undefined)}
        title="The new secret"
        lead="The old one goes on signing beside it for 24 hours."
        foot={
          <Button kind="primary" onClick={() => setFresh(undefined)}>
            I have it
          </Button>
        }
      >
        <SecretOnce secret={fresh?.secret} publicKey={fresh?.secrets.find((s) => s.public_key && !s.expires_at)?.public_key} />
      </Dialog>
    </div>
  );
}
