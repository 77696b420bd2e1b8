// Reads requests as JSON lines {secret, publicKey, headers, content} from stdin and
// checks each with two clients that others wrote: the Standard Webhooks library and
// Svix's. It also checks that a changed request is refused. They know no signatures
// with keys (v1a): where there is a public key, Node checks these.
import { createPublicKey, verify as verifies } from "node:crypto";
import { createInterface } from "node:readline";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

// verifiesKey checks the one signature of that kind.
function verifiesKey(publicKey, headers, content) {
  const raw = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64");
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]); // RFC 8410
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const [signature] = headers["webhook-signature"].split(" ").filter((s) => s.startsWith("v1a,"));
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${content}`;
  return verifies(null, Buffer.from(signed), key, Buffer.from(signature.slice(4), "base64"));
}

let checked = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, publicKey, headers, content } = JSON.parse(line);
  if (publicKey) {
    if (!verifiesKey(publicKey, headers, content)) throw new Error(`the key does not verify ${headers["webhook-id"]}`);
    if (verifiesKey(publicKey, headers, content + " ")) throw new Error("the key verifies a changed request");
    checked++;
  }
  for (const [name, Webhook] of [["standardwebhooks", Standard], ["svix", Svix]]) {
    const verify = (body) => {
      try {
        new Webhook(secret).verify(body, headers);
        return true;
      } catch (e) {
        // What they make of a verified body that is no JSON is not our matter.
        if (e instanceof SyntaxError) return true;
        return false;
      }
    };
    if (!verify(content)) throw new Error(`${name} refuses ${headers["webhook-id"]}: ${content}`);
    if (verify(content + " ")) throw new Error(`${name} takes a changed request`);
    checked++;
  }
}
console.log(`${checked} checked`);
