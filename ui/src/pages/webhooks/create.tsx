import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { ButtonLink } from "../../parts/button";
import { Empty, Page } from "../../parts/page";
import { useAccount, useKeep, useMay } from "../../shell/session";
import { Created } from "./created";
import { draftOfAddress, inputOf } from "./form/draft";
import { WebhookForm } from "./form/form";

export default function Create() {
  const [params] = useSearchParams();
  const [account] = useAccount();
  const client = useQueryClient();
  const link = useKeep();
  const may = useMay("developer");
  const [first] = useState(() => draftOfAddress(params, account ?? ""));
  const [made, setMade] = useState<Schemas["Webhook"]>();
  const above = [{ href: link("/webhooks"), label: "Webhooks" }];
  if (made) return <Created webhook={made} />;
  if (!may) {
    return (
      <Page title="New webhook" above={above}>
        <Empty title="Your role may look, and not create webhooks">Ask an admin of your account for the role developer.</Empty>
      </Page>
    );
  }
  return (
    <Page title="New webhook" above={above} lead="Tells a program of yours what happens on the phones, as it happens.">
      <WebhookForm
        first={first}
        action="Create webhook"
        cancel={
          <ButtonLink kind="quiet" href={link("/webhooks")}>
            Cancel
          </ButtonLink>
        }
        save={async (draft) => {
          setMade(await body(api.POST("/v1/webhooks", { body: inputOf(draft) })));
          scrollTo(0, 0);
          void client.invalidateQueries({ queryKey: ["webhooks"] });
        }}
      />
    </Page>
  );
}
