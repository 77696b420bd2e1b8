import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, foldKeymap } from "@codemirror/language";
import { Compartment, EditorState, type Extension, Transaction } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { EditorProps } from "./code";
import { Echoes } from "./echo";
import { look, marked, showMarks, treeIn } from "./codemirror";
import { folding, jsonWords } from "./json";
import { htmlTemplate, textTemplate } from "./template";

const languages: Record<NonNullable<EditorProps["language"]>, () => Extension> = {
  json: () => [jsonWords, folding, bracketMatching()],
  html: () => [htmlTemplate, lineNumbers()],
  text: () => [textTemplate, lineNumbers()],
  line: () => [textTemplate, EditorState.transactionFilter.of((t) => (t.newDoc.lines > 1 ? [] : t))],
};

/** A text in CodeMirror: to read, or with onChange to write. */
export default function Editor({ value, onChange, label, wrap, lines, language = "json", marks, onFocus }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const told = useRef({ onChange, onFocus });
  useEffect(() => {
    told.current = { onChange, onFocus };
  });
  const first = useRef({ value, marks });
  const echoes = useRef(new Echoes());
  const writable = onChange !== undefined;
  const attributes = useRef(new Compartment());

  useEffect(() => {
    if (!place.current) return undefined;
    const root = treeIn(place.current);
    const v = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: first.current.value,
        extensions: [
          languages[language](),
          look,
          marked,
          wrap ? EditorView.lineWrapping : [],
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          attributes.current.of([]),
          EditorView.theme({ ".cm-scroller": { maxHeight: "60vh" }, ".cm-content": { minHeight: `${(lines ?? 1) * 19 + 20}px` } }),
          writable
            ? [
                history(),
                keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap]),
                // What the page itself put in is no change of its user's.
                EditorView.updateListener.of((u) => {
                  if (!u.docChanged || u.transactions.some((t) => t.annotation(Transaction.remote))) return;
                  const text = u.state.doc.toString();
                  echoes.current.tell(text);
                  told.current.onChange?.(text);
                }),
                EditorView.domEventHandlers({ focus: (_, of) => told.current.onFocus?.(inserter(of)), beforeinput: typedOver }),
              ]
            : [EditorState.readOnly.of(true), EditorView.editable.of(false), keymap.of(foldKeymap)],
        ],
      }),
    });
    showMarks(v, first.current.marks ?? []);
    view.current = v;
    return () => v.destroy();
  }, [label, wrap, lines, writable, language]);

  useEffect(() => {
    const v = view.current;
    first.current = { value, marks };
    if (!v) return;
    if (echoes.current.isNews(value, v.state.doc.toString()))
      v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value }, annotations: Transaction.remote.of(true) });
    showMarks(v, marks ?? []);
    v.dispatch({
      effects: attributes.current.reconfigure(EditorView.contentAttributes.of(marks?.length ? { "aria-invalid": "true" } : {})),
    });
  }, [value, marks]);

  return <div ref={place} />;
}

/**
 * Types over what is chosen. Left to itself, Chromium keeps the look of what was there in an inline style, of which the
 * page's policy complains.
 */
function typedOver(e: InputEvent, v: EditorView) {
  if (e.inputType !== "insertText" || !e.data || e.isComposing || v.state.selection.main.empty) return false;
  e.preventDefault();
  v.dispatch(v.state.replaceSelection(e.data), { userEvent: "input.type", scrollIntoView: true });
  return true;
}

/** Puts a text where the cursor is, and goes on behind it. */
const inserter = (v: EditorView) => (text: string) => {
  if (!v.dom.isConnected) return false;
  v.dispatch(v.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input" });
  v.focus();
  return true;
};
