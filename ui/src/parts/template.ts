import { StreamLanguage, type StringStream } from "@codemirror/language";

interface State {
  /** Where in HTML we are. */
  in: "text" | "tag" | "attributes" | "value" | "comment";
  quote: string;
}

// What begins something else than what is read now.
const stops: Record<State["in"], RegExp> = {
  text: /^[^<&{]+/,
  tag: /^[^\s/>{]+/,
  attributes: /^[^\s=>"'{]+/,
  value: /^[^"'{]+/,
  comment: /^[^-{]+/,
};

/** {{ a value }}, {% a tag %} or {# a remark #}: they stand anywhere, in the midst of an attribute too. */
function templateTag(s: StringStream): string | null {
  if (s.match(/^\{\{.*?\}\}/)) return "macroName";
  if (s.match(/^\{%.*?%\}/)) return "keyword";
  if (s.match(/^\{#.*?#\}/)) return "comment";
  return s.match(/^\{[{%#].*/) ? "invalid" : null; // one that does not end on its line is none
}

function html(s: StringStream, state: State): string | null {
  switch (state.in) {
    case "text":
      if (s.match("<!--")) {
        state.in = "comment";
        return "comment";
      }
      if (s.match(/^<\/?(?=[a-zA-Z!])/)) {
        state.in = "tag";
        return "angleBracket";
      }
      if (s.match(/^&#?\w+;/)) return "character";
      break;
    case "comment":
      if (s.match("-->")) state.in = "text";
      else if (!s.match(stops.comment)) s.next();
      return "comment";
    case "tag":
      if (s.match(stops.tag)) {
        state.in = "attributes";
        return "tagName";
      }
      state.in = "attributes";
      return null;
    case "attributes":
      if (s.match(/^\/?>/)) {
        state.in = "text";
        return "angleBracket";
      }
      if (s.match(/^["']/)) {
        state.in = "value";
        state.quote = s.current();
        return "string";
      }
      if (s.match(stops.attributes)) return "attributeName";
      break;
    default:
      if (s.match(state.quote)) state.in = "attributes";
      else if (!s.match(stops.value)) s.next();
      return "string";
  }
  if (!(state.in === "text" && s.match(stops.text))) s.next();
  return null;
}

const define = (rest: (s: StringStream, state: State) => string | null) =>
  StreamLanguage.define<State>({
    startState: () => ({ in: "text", quote: "" }),
    token: (s, state) => templateTag(s) ?? rest(s, state),
  });

/** HTML with template tags in it. A parser for HTML with its scripts and styles would be forty times as large. */
export const htmlTemplate = define(html);

/** Plain text with template tags in it. */
export const textTemplate = define((s) => {
  if (!s.match(/^[^{]+/)) s.next();
  return null;
});
