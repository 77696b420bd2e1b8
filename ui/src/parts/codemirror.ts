import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** How all text in CodeMirror looks: by the page's own colours, so that it follows the theme. */
export const look = [
  EditorView.theme({
    "&": { fontSize: "12.5px", background: "transparent", color: "var(--ink)" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "19px", overflow: "auto" },
    ".cm-content": { padding: "10px 0", caretColor: "var(--ink)" },
    ".cm-gutters": { background: "transparent", border: "0", color: "var(--ink-3)" },
    ".cm-line": { padding: "0 14px 0 4px" },
    ".cm-foldPlaceholder": { background: "var(--idle-soft)", border: "0", color: "var(--ink-2)", padding: "0 6px" },
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { background: "oklch(from var(--accent) l c h / 25%) !important" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-matchingBracket": { background: "var(--accent-soft) !important", color: "inherit !important" },
    ".cm-changedLine": { background: "var(--ok-soft) !important" },
    ".cm-deletedChunk": { background: "var(--bad-soft) !important", paddingLeft: "4px" },
    ".cm-changedText": { background: "oklch(from var(--ok-fill) l c h / 30%) !important" },
    ".cm-deletedText": { background: "oklch(from var(--bad-fill) l c h / 30%) !important" },
    ".cm-collapsedLines": { background: "var(--idle-soft)", color: "var(--ink-2)" },
  }),
  syntaxHighlighting(
    HighlightStyle.define([
      { tag: tags.propertyName, color: "var(--family-call)" },
      { tag: tags.string, color: "var(--family-number)" },
      { tag: [tags.number, tags.bool], color: "var(--family-voicemail)" },
      { tag: [tags.null, tags.punctuation, tags.separator], color: "var(--ink-3)" },
      { tag: tags.invalid, color: "var(--bad)" },
    ]),
  ),
];

/**
 * Where CodeMirror puts an editor: a tree of its own in the element. There it brings its styles as objects, which the
 * page's policy lets in; in the page's own tree it would write them into a <style>, which it does not.
 */
export const treeIn = (place: HTMLElement) => place.shadowRoot ?? place.attachShadow({ mode: "open" });
