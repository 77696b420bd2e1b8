import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Builds the program once, for all tests. SWITCHHOOK_BIN names one that is there. */
export default function build() {
  if (process.env.SWITCHHOOK_BIN) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "switchhook-e2e-"));
  process.env.SWITCHHOOK_BIN = join(dir, "switchhook");
  execFileSync("go", ["build", "-o", process.env.SWITCHHOOK_BIN, "./cmd/switchhook"], {
    cwd: join(import.meta.dirname, "../.."),
    stdio: "inherit",
  });
  return () => rmSync(dir, { recursive: true, force: true });
}
