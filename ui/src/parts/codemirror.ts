import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Range, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Mark } from "./code";

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
    // On these grounds colours would be too faint.
    ".cm-deletedText, .cm-deletedText *, .cm-changedText, .cm-changedText *": { color: "var(--ink) !important" },
    ".cm-wrong": { textDecoration: "underline wavy var(--bad-fill) 1.5px", textUnderlineOffset: "3px", background: "var(--bad-soft)" },
    ".cm-collapsedLines": { background: "var(--idle-soft)", color: "var(--ink-2)" },
  }),
  syntaxHighlighting(
    HighlightStyle.define([
      { tag: tags.propertyName, color: "var(--family-call)" },
      { tag: tags.string, color: "var(--family-number)" },
      { tag: [tags.number, tags.bool], color: "var(--family-voicemail)" },
      { tag: [tags.null, tags.punctuation, tags.separator], color: "var(--ink-3)" },
      { tag: tags.invalid, color: "var(--bad)" },
      { tag: [tags.tagName, tags.angleBracket], color: "var(--family-call)" },
      { tag: [tags.attributeName, tags.character], color: "var(--ink-2)" },
      { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" },
      // What a template puts in, and what it decides by: not to be taken for what stands in the mail as it is.
      { tag: tags.macroName, color: "var(--accent-text)", background: "var(--accent-soft)", borderRadius: "3px", fontWeight: "600" },
      { tag: tags.keyword, color: "var(--family-queue)", background: "var(--idle-soft)", borderRadius: "3px", fontWeight: "600" },
    ]),
  ),
];

/**
 * Where CodeMirror puts an editor: a tree of its own in the element. There it brings its styles as objects, which the
 * page's policy lets in; in the page's own tree it would write them into a <style>, which it does not.
 */
export const treeIn = (place: HTMLElement) => place.shadowRoot ?? place.attachShadow({ mode: "open" });

const setMarks = StateEffect.define<readonly Mark[]>();

/** What is wrong with a text, where it is. It moves with the text until it is told anew. */
export const marked = StateField.define({
  create: () => Decoration.none,
  update(now, { changes, effects, state }) {
    for (const e of effects) {
      if (!e.is(setMarks)) continue;
      return Decoration.set(
        e.value.flatMap((m): Range<Decoration>[] => {
          if (m.line < 1 || m.line > state.doc.lines) return [];
          const line = state.doc.line(m.line);
          // The tag that begins there, or as much as can be seen.
          const from = Math.min(line.from + m.column - 1, line.to);
          const rest = line.text.slice(from - line.from);
          const to = from + (/^\{[{%].*?[}%]\}|^\w+/.exec(rest)?.[0].length ?? 1);
          const [a, b] = to > line.to ? [Math.max(line.from, line.to - 1), line.to] : [from, to];
          return a < b ? [Decoration.mark({ class: "cm-wrong", attributes: { title: m.message } }).range(a, b)] : [];
        }),
        true,
      );
    }
    return now.map(changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

export const showMarks = (view: EditorView, marks: readonly Mark[]) => view.dispatch({ effects: setMarks.of(marks) });
