import { codeFolding, foldGutter, foldService, StreamLanguage } from "@codemirror/language";

/** JSON, word by word: a parser that builds a tree of it would be ten times as large, and colours the same. */
export const jsonWords = StreamLanguage.define({
  token(s) {
    if (s.match(/^\s+/)) return null;
    if (s.match(/^"(?:[^"\\]|\\.)*"?/)) return s.match(/^\s*:/, false) ? "propertyName" : "string";
    if (s.match(/^-?\d[\d.eE+-]*/)) return "number";
    if (s.match(/^(?:true|false)\b/)) return "bool";
    if (s.match(/^null\b/)) return "null";
    if (s.match(/^[{}[\],:]+/)) return "punctuation";
    s.next();
    return "invalid";
  },
});

/** Objects and lists that fold: from a line that ends with a bracket to the one before its counterpart, as they are indented. */
export const folding = [
  codeFolding(),
  foldGutter(),
  foldService.of((state, from, to) => {
    const line = state.doc.lineAt(from);
    if (!/[{[]\s*$/.test(line.text)) return null;
    const depth = (text: string) => text.search(/\S/);
    for (let n = line.number + 1; n <= state.doc.lines; n++) {
      const end = state.doc.line(n);
      if (depth(end.text) >= 0 && depth(end.text) <= depth(line.text))
        return /^\s*[}\]]/.test(end.text) ? { from: to, to: end.from + depth(end.text) } : null;
    }
    return null;
  }),
];
