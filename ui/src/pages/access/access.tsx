import { useFilters } from "../../api/lists";
import { Tabs } from "../../parts/overlay";
import { Card, Note, Page } from "../../parts/page";
import { useAccount, useMay, useWho } from "../../shell/session";
import { Keys } from "./keys";
import { PortalLinkMaker } from "./portallinks";
import { Users } from "./users";

/** Who may come in: programs by keys, people by passwords, customers by links from elsewhere. */
export default function AccessPage() {
  const may = useMay("admin");
  const who = useWho();
  const [account] = useAccount();
  const [{ tab }, set] = useFilters("tab");
  return (
    <Page
      title="Keys and users"
      lead="Programs come in by API keys, people by a login, and customers by a link from a page where they are signed in already."
    >
      {may ? (
        <Tabs
          label="Ways in"
          value={tab || "keys"}
          onChange={(t) => set({ tab: t === "keys" ? "" : t })}
          tabs={[
            { value: "keys", label: "API keys", content: <Keys /> },
            { value: "users", label: "Users", content: <Users /> },
            {
              value: "links",
              label: "Portal links",
              content: (
                <Card
                  title="Portal link"
                  lead="Lets somebody in whom your own site knows: the page, limited to one account. Your site asks for a link each time, and sends the browser there or puts it into a frame."
                >
                  <PortalLinkMaker account={account ?? who.account_id} choose code />
                </Card>
              ),
            },
          ]}
        />
      ) : (
        <Note>To see keys and users needs the role admin. Yours is {who.role}.</Note>
      )}
    </Page>
  );
}
