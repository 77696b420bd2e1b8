import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, codeFolding, foldGutter, foldKeymap } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { look, treeIn } from "./codemirror";

interface EditorProps {
  value: string;
  onChange?(v: string): void;
  label: string;
  wrap?: boolean;
  /** The least lines that are shown. */
  lines?: number;
}

/** JSON in CodeMirror: to read, or with onChange to write. */
export default function Editor({ value, onChange, label, wrap, lines }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const changed = useRef(onChange);
  useEffect(() => {
    changed.current = onChange;
  });
  const first = useRef(value);
  const writable = onChange !== undefined;

  useEffect(() => {
    if (!place.current) return undefined;
    const root = treeIn(place.current);
    const v = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          json(),
          codeFolding(),
          foldGutter(),
          bracketMatching(),
          look,
          wrap ? EditorView.lineWrapping : [],
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.theme({ ".cm-scroller": { maxHeight: "60vh" }, ".cm-content": { minHeight: `${(lines ?? 1) * 19 + 20}px` } }),
          writable
            ? [
                history(),
                keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap]),
                EditorView.updateListener.of((u) => u.docChanged && changed.current?.(u.state.doc.toString())),
              ]
            : [EditorState.readOnly.of(true), EditorView.editable.of(false), keymap.of(foldKeymap)],
        ],
      }),
    });
    view.current = v;
    return () => v.destroy();
  }, [label, wrap, lines, writable]);

  useEffect(() => {
    const v = view.current;
    first.current = value;
    if (v && v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} />;
}
