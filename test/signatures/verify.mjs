// Reads requests as JSON lines {secret, headers, content} from stdin and checks
// each with two clients that others wrote: the Standard Webhooks library and
// Svix's. It also checks that a changed request is refused.
import { createInterface } from "node:readline";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

let checked = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, content } = JSON.parse(line);
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
