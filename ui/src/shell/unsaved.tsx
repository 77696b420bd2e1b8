import { type ReactNode, useEffect, useState } from "react";
import { type AroundNavHandler, Router } from "wouter";
import { Confirm } from "../parts/overlay";

/** Who asks before the page is left, if anybody does. */
let asking: ((go: () => void) => void) | undefined;
let held = 0;

/** Another page, or the same one of another account: a tab that is in the address is neither. */
const place = (url: URL) => url.pathname + "?" + (url.searchParams.get("account") ?? "");
let here = location.href;

const around: AroundNavHandler = (navigate, to, options) => {
  const go = () => {
    navigate(to, options);
    here = location.href;
  };
  if (held && asking && place(new URL(to, location.href)) !== place(new URL(location.href))) asking(go);
  else go();
};

// The browser's own way back has gone already when it is told of: the address is put back until its user has said what is
// to be. This hears of it before the router does.
addEventListener(
  "popstate",
  (e) => {
    if (held && asking && place(new URL(here)) !== place(new URL(location.href))) {
      e.stopImmediatePropagation();
      history.pushState(null, "", here);
      asking(() => history.back());
    } else here = location.href;
  },
  { capture: true },
);

/** The pages, none of which is left with something unsaved before its user was asked. */
export function AskFirst({ children }: { children: ReactNode }) {
  const [go, setGo] = useState<() => void>();
  useEffect(() => {
    asking = (next) => setGo(() => next);
    return () => {
      asking = undefined;
    };
  }, []);
  return (
    <Router aroundNav={around}>
      {children}
      <Confirm
        open={go !== undefined}
        onClose={() => setGo(undefined)}
        title="Leave without saving?"
        action="Leave, and drop the changes"
        danger
        onConfirm={async () => {
          held = 0;
          go?.();
        }}
      >
        What you changed on this page is not saved yet.
      </Confirm>
    </Router>
  );
}

/** Asks before the page is left with changes that are not saved. */
export function useUnsaved(unsaved: boolean) {
  useEffect(() => {
    if (!unsaved) return undefined;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener("beforeunload", ask);
    held++;
    here = location.href;
    return () => {
      removeEventListener("beforeunload", ask);
      held = Math.max(0, held - 1);
    };
  }, [unsaved]);
}
