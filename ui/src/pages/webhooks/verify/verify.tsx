import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Code } from "../../../parts/code";
import { Segments } from "../../../parts/field";
import { Loaded, Note } from "../../../parts/page";

// test/signatures runs each of these files on requests of the running product.
const languages = {
  Go: () => import("./verify.go.txt?raw"),
  Node: () => import("./verify.mjs.txt?raw"),
  Python: () => import("./verify.py.txt?raw"),
  PHP: () => import("./verify.php.txt?raw"),
  Java: () => import("./Verify.java.txt?raw"),
  "C#": () => import("./Verify.cs.txt?raw"),
};
type Language = keyof typeof languages;
const key = "switchhook-language";

function remembered(): Language {
  const name = localStorage.getItem(key);
  return name && name in languages ? (name as Language) : "Node";
}

/** Code with which a receiver verifies that a request is ours. */
export function VerifyCode({ signing }: { signing?: string }) {
  const [language, setLanguage] = useState(remembered);
  const code = useQuery({
    queryKey: ["verify", language],
    queryFn: () => languages[language]().then((m) => m.default),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="stack" style={{ "--gap": "var(--s3)" } as never}>
      {signing === "ed25519" && (
        <Note kind="warn">
          This webhook signs with an Ed25519 key alone (v1a). This code checks the HMAC of a secret (v1): choose “HMAC” or “Both” in the
          settings to use it, or verify <code>v1a</code> with the public key, as Standard Webhooks describes it.
        </Note>
      )}
      <div style={{ overflowX: "auto" }}>
        <Segments<Language>
          label="Language"
          value={language}
          onChange={(l) => {
            localStorage.setItem(key, l);
            setLanguage(l);
          }}
          options={Object.keys(languages) as Language[]}
        />
      </div>
      <Loaded query={code} lines={12}>
        {(text) => <Code text={text} language="text" label={`${language} code`} />}
      </Loaded>
      <p className="muted small">
        No library is needed. The signatures are those of Standard Webhooks, so its libraries verify them too. Take the body as it came:
        JSON that was read and written again has other bytes.
      </p>
    </div>
  );
}
