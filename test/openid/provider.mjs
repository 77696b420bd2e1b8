// An OpenID provider on loopback. It says its issuer, reads the redirect URI of its one
// client, and says that it is ready. Whoever signs in is who they say: verified, unless
// their address begins with "new-". It ends with its standard input.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit());
lines.once("line", (redirect) => {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients: [{ client_id: "switchhook", client_secret: process.env.CLIENT_SECRET, redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] }],
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, email_verified: !id.startsWith("new-"), name: id }),
    }),
  });
  server.on("request", provider.callback());
  console.log("ready");
});
