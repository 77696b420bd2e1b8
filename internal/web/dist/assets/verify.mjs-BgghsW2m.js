var e=`import { createHmac, timingSafeEqual } from "node:crypto";

// Throws where a request is not Switchhook's. body: the request's, byte by byte as it came
// (express.raw(), not express.json()), or of a GET request what is behind the ? of the URL.
export function verify(secret, headers, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) throw new Error("the request is too old, or from the future");
  const expected = createHmac("sha256", key).update(\`\${id}.\${timestamp}.\`).update(body).digest();
  // There are two signatures while a secret is being changed.
  const ours = (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const [version, value = ""] = signature.split(",");
    const sum = Buffer.from(value, "base64");
    return version === "v1" && sum.length === expected.length && timingSafeEqual(sum, expected);
  });
  if (!ours) throw new Error("the signature is not ours");
}
`;export{e as default};