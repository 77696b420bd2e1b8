import { createContext, useContext } from "react";
import type { Own, Template } from "../../api/mail";
import type { Insert, Mark } from "../../parts/code";
import type { PartName } from "./draft";

/** The template that a part belongs to, while it is edited. */
export interface Edited {
  template: Template;
  draft: Own;
  /** Whether its reader may change anything. */
  may: boolean;
  /** undefined: it is inherited again. */
  set<K extends PartName>(name: K, value: Required<Own>[K] | undefined): void;
  error(name: PartName): { marks: Mark[]; wrong?: string };
  /** Told which editor a macro goes to. */
  onFocus(insert: Insert): void;
}

const Context = createContext<Edited | undefined>(undefined);
export const EditedProvider = Context.Provider;

export function useEdited(): Edited {
  const edited = useContext(Context);
  if (!edited) throw new Error("no template");
  return edited;
}
