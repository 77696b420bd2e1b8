import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { EditorProps } from "./code";
import { look, treeIn } from "./codemirror";
import { jsonWords } from "./json";
import { htmlTemplate, textTemplate } from "./template";

interface Props {
  before: string;
  after: string;
  label: string;
  language?: EditorProps["language"];
}

/** Two texts as one, with what went and what came marked. */
export default function Merge({ before, after, label, language = "json" }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return undefined;
    const root = treeIn(place.current);
    const view = new EditorView({
      parent: root,
      root,
      doc: after,
      extensions: [
        language === "json" ? jsonWords : language === "html" ? htmlTemplate : textTemplate,
        look,
        EditorView.lineWrapping,
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
        EditorView.theme({ ".cm-scroller": { maxHeight: "60vh" } }),
        unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } }),
      ],
    });
    return () => view.destroy();
  }, [before, after, label, language]);
  return <div ref={place} />;
}
