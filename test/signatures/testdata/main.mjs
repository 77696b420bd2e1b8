import { createInterface } from "node:readline";
import { verify } from "./verify.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const [secret, id, timestamp, signature, body] = line.split("\t").map((f) => Buffer.from(f, "base64"));
  const headers = { "webhook-id": `${id}`, "webhook-timestamp": `${timestamp}`, "webhook-signature": `${signature}` };
  try {
    verify(`${secret}`, headers, body);
    console.log("true");
  } catch {
    console.log("false");
  }
}
