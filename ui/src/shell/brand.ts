import type { Schemas } from "../api/client";

type Brand = Schemas["Brand"];

/** What the page calls itself. */
export const product = () => document.documentElement.dataset.product ?? "Switchhook";

/** Where its logo is. */
export const logo = () => document.documentElement.dataset.logo ?? "/icon.svg";

/** Shows the page in the name, with the logo and in the colours of the operator whose portal it is. */
export function showBrand(brand?: Brand) {
  const { dataset } = document.documentElement;
  dataset.product = brand?.name ?? "Switchhook";
  dataset.logo = brand?.logo ?? "/icon.svg";
  document.querySelector("link[rel=icon]")?.setAttribute("href", dataset.logo);
  for (const [name, value] of Object.entries(accents(brand))) {
    if (value) document.documentElement.style.setProperty(name, value);
    else document.documentElement.style.removeProperty(name);
  }
}

/** The accents as look/tokens.css takes them: each with an ink that can be read on it. */
export function accents(brand?: Brand): Record<`--brand${string}`, string> {
  const light = brand?.accent ?? brand?.accent_dark ?? "";
  const dark = brand?.accent_dark ?? (light && lighter(light));
  return {
    "--brand": light,
    "--brand-ink": light && inkOn(light),
    "--brand-dark": dark,
    "--brand-dark-ink": dark && inkOn(dark),
  };
}

const channels = (hex: string) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));

/** The relative luminance of a colour (WCAG 2.2). */
export function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = channels(hex).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// One of the two has a contrast of 4.5 at least with any colour.
const inkOn = (hex: string) => (1.05 / (luminance(hex) + 0.05) >= 4.5 ? "#ffffff" : "#000000");

/** A colour of the light page made fit for the dark one. */
function lighter(hex: string): string {
  let now = hex;
  for (let i = 0; i < 20 && luminance(now) < 0.22; i++) {
    now =
      "#" +
      channels(now)
        .map((c) =>
          Math.round(c + (255 - c) * 0.12)
            .toString(16)
            .padStart(2, "0"),
        )
        .join("");
  }
  return now;
}
