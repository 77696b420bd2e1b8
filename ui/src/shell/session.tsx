import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { useSearchParams } from "wouter";
import { api, body, Problem, type Schemas, signedOut } from "../api/client";
import { Failure } from "../parts/page";
import { showBrand } from "./brand";
import { SignIn } from "./signin";

export type Who = Schemas["Session"];

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

/** A key in the address (#key=…, as the demo prints it) signs in, and is at once taken out of it. */
function keyOfAddress(): string | null {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) history.replaceState(null, "", location.pathname + location.search);
  return key;
}
const given = keyOfAddress();
let keyUsed: Promise<unknown> | undefined;

async function whoIs(): Promise<Who | null> {
  if (given) await (keyUsed ??= api.POST("/v1/session", { body: { key: given } }).catch(() => undefined));
  try {
    return await body(api.GET("/v1/session"));
  } catch (e) {
    if (e instanceof Problem && e.status === 401) return null;
    throw e;
  }
}

/** Shows the page to whom is signed in, and everybody else the way in. */
export function SignedIn({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const session = useQuery({ queryKey: ["session"], queryFn: whoIs, staleTime: Number.POSITIVE_INFINITY });
  useEffect(() => {
    const out = () => {
      client.clear();
      client.setQueryData(["session"], null);
    };
    signedOut.addEventListener("signed-out", out);
    return () => signedOut.removeEventListener("signed-out", out);
  }, [client]);
  const who = session.data;
  useEffect(() => showBrand(who ?? undefined), [who]);
  if (session.error) {
    return (
      <main style={{ maxWidth: 560, margin: "20vh auto", padding: 16 }}>
        <Failure error={session.error} again={() => void session.refetch()} />
      </main>
    );
  }
  if (who === undefined) return null;
  if (who === null) return <SignIn onDone={() => void session.refetch()} />;
  return <Session value={who}>{children}</Session>;
}
