import type { Who } from "./session";

/** What the page calls itself. */
export const product = () => document.documentElement.dataset.product ?? "Switchhook";

/** Shows the page in the name and the colours of the operator whose portal it is. */
export function showBrand(_who?: Who) {
  document.documentElement.dataset.product = "Switchhook";
}
