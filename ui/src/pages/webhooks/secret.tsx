import { Copy } from "../../parts/bits";
import { Note } from "../../parts/page";
import css from "./webhooks.module.css";

/** A secret that is shown this once. */
export function SecretOnce({ secret, publicKey }: { secret?: string; publicKey?: string }) {
  return (
    <div className="stack" style={{ "--gap": "var(--s3)" } as never}>
      {secret && (
        <>
          <div className={css.secret}>
            <code aria-label="Signing secret">{secret}</code>
            <Copy text={secret} label="Copy the secret" />
          </div>
          <Note kind="warn">
            <b>Copy it now: it is not shown again.</b> Give it to the program that receives the requests, which verifies with it that they
            are ours. A secret that is lost can be rotated.
          </Note>
        </>
      )}
      {publicKey && (
        <div className="stack" style={{ "--gap": "6px" } as never}>
          <p className="muted small">The public key, with which receivers verify Ed25519 signatures. It is no secret.</p>
          <div className={css.secret}>
            <code aria-label="Public key">{publicKey}</code>
            <Copy text={publicKey} label="Copy the public key" />
          </div>
        </div>
      )}
    </div>
  );
}
