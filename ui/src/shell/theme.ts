import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const name = "switchhook-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

/** What was chosen in this browser. Storage may be denied to an embedded page. */
function chosen(): Theme {
  try {
    return (localStorage.getItem(name) as Theme | null) ?? "system";
  } catch {
    return "system";
  }
}
let theme = chosen();

function show() {
  const now = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = now;
  for (const l of listeners) l();
}
dark.addEventListener("change", show);
show();

export function choose(t: Theme) {
  theme = t;
  try {
    localStorage.setItem(name, t);
  } catch {
    // It holds until the page is left.
  }
  show();
}

/** The theme that was chosen. */
export const useTheme = () =>
  useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => theme,
  );
