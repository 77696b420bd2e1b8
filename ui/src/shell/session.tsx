import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { api, body, type Schemas, signedOut } from "../api/client";
import { Failure } from "../parts/page";
import { showBrand } from "./brand";
import { SignIn, SignInAgain } from "./signin";

export type Who = Schemas["Session"];
type Ways = Schemas["Ways"];

const Session = createContext<Who | undefined>(undefined);

/** Who is signed in. */
export function useWho(): Who {
  const who = useContext(Session);
  if (!who) throw new Error("nobody is signed in");
  return who;
}

const rank = { ingest: 0, viewer: 1, developer: 2, admin: 3 };

/** Whether the one who is signed in may do what needs a role; the server has the last word. */
export const useMay = (role: keyof typeof rank) => rank[useWho().role] >= rank[role];

/** Whether the one who is signed in is the operator, whose account is above all others. */
export const useOperator = () => useWho().account_id === "root";

/**
 * The account that is looked at: the one signed in, with all below, or the one of these that was chosen. It is in the
 * address, so that a link shows a colleague the same.
 */
export function useAccount(): [account: string | undefined, choose: (id: string | undefined) => void] {
  const [params, setParams] = useSearchParams();
  return [
    params.get("account") ?? undefined,
    (id) =>
      setParams((p) => {
        if (id) p.set("account", id);
        else p.delete("account");
        return p;
      }),
  ];
}

/** Makes links that keep the account that is looked at. */
export function useKeep() {
  const [account] = useAccount();
  return (href: string) => (account ? `${href}${href.includes("?") ? "&" : "?"}account=${encodeURIComponent(account)}` : href);
}

/** A key in the address (#key=…, as the demo prints it) signs in, and is at once taken out of it. */
function keyOfAddress(): string | null {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) history.replaceState(null, "", location.pathname + location.search);
  return key;
}
const given = keyOfAddress();
let keyUsed: Promise<unknown> | undefined;

/** Who is signed in already stays who they are: the link may be of somebody who wants them to work in an account of theirs. */
async function signInWith(key: string) {
  const now = await body(api.GET("/v1/session/ways"));
  if (!now.session) await api.POST("/v1/session", { body: { key } });
}

/** How one can sign in, and who has: nobody is no error, which a browser would log. */
async function ways(): Promise<Ways> {
  if (given) await (keyUsed ??= signInWith(given).catch(() => undefined));
  const now = await body(api.GET("/v1/session/ways"));
  showBrand(now.session?.brand ?? now.brand); // before anything is shown
  return now;
}

const same = (a: Who, b: Who) => a.account_id === b.account_id && a.role === b.role && a.user_id === b.user_id && a.kind === b.kind;

/** Shows the page to whom is signed in, and everybody else the way in. */
export function SignedIn({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const asked = useQuery({ queryKey: ["session"], queryFn: ways, staleTime: Number.POSITIVE_INFINITY });
  const [ended, setEnded] = useState(false);
  const who = asked.data?.session;
  useEffect(() => {
    const out = () => setEnded(true);
    signedOut.addEventListener("signed-out", out);
    return () => signedOut.removeEventListener("signed-out", out);
  }, []);

  if (asked.error) {
    return (
      <main style={{ maxWidth: 560, margin: "20vh auto", padding: 16 }}>
        <Failure error={asked.error} again={() => void asked.refetch()} />
      </main>
    );
  }
  if (!asked.data) return null;
  if (!who) return <SignIn ways={asked.data} onDone={() => void asked.refetch()} />;

  // The page stays as it is, with what was typed in it, until its user has come back. Somebody else gets a new one.
  const back = async () => {
    const now = await ways();
    if (!now.session) return;
    if (!same(now.session, who)) return location.reload();
    client.setQueryData(["session"], now);
    setEnded(false);
    void client.invalidateQueries({ predicate: (q) => q.queryKey[0] !== "session" });
  };
  return (
    <Session value={who}>
      {children}
      {ended && <SignInAgain ways={asked.data} who={who} onDone={() => void back()} />}
    </Session>
  );
}
