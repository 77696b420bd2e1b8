import { useState } from "react";
import { PortalLinkMaker } from "../access/portallinks";
import { ButtonLink } from "../../parts/button";
import { Dialog } from "../../parts/overlay";
import type { Account } from "../../shell/accounts";

/** How the page looks to the people of an account. */
export function SeeWhatTheySee({ account, onClose }: { account: Account; onClose(): void }) {
  const [closed, setClosed] = useState(false);
  return (
    <Dialog
      open={!closed}
      onClose={() => {
        setClosed(true);
        onClose();
      }}
      title="See what they see"
      lead={<span dir="auto">The page as the people of {account.name} have it: their data alone, in their name and colours.</span>}
      foot={<ButtonLink href={`/?account=${encodeURIComponent(account.id)}`}>Only look at its data, as myself</ButtonLink>}
    >
      <PortalLinkMaker account={account.id} />
    </Dialog>
  );
}
