import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface Received {
  from: string;
  to: string[];
  data: string;
}

/** A mail server (RFC 5321, as much as is asked of it): it takes what comes, and says to whom it is told what it is told. */
export interface MailServer {
  url: string;
  received: Received[];
  /** Answers RCPT TO of an address that has this in it with these words, such as "550 5.1.1 no such user". */
  refuse(address: string, words: string): void;
  stop(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const received: Received[] = [];
  const refused = new Map<string, string>();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    serve(socket, (address) => [...refused].find(([part]) => address.includes(part))?.[1], received);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}?tls=none`,
    received,
    refuse: (address, words) => void refused.set(address, words),
    stop: () =>
      new Promise((resolve) => {
        for (const s of open) s.destroy();
        server.close(() => resolve());
      }),
  };
}

function serve(socket: Socket, refusal: (address: string) => string | undefined, received: Received[]) {
  const say = (line: string) => socket.write(line + "\r\n");
  let text = "";
  let mail: Received | undefined;
  let inData = false;
  const command = (line: string) => {
    const address = /<([^>]*)>/.exec(line)?.[1] ?? "";
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") say("250-mail.example.com\r\n250-8BITMIME\r\n250 SMTPUTF8");
    else if (verb === "MAIL") {
      mail = { from: address, to: [], data: "" };
      say("250 2.1.0 ok");
    } else if (verb === "RCPT") {
      const no = refusal(address);
      if (!no) mail?.to.push(address);
      say(no ?? "250 2.1.5 ok");
    } else if (verb === "DATA") {
      inData = mail !== undefined && mail.to.length > 0;
      say(inData ? "354 go on" : "554 5.5.1 no valid recipients");
    } else if (verb === "QUIT") {
      say("221 2.0.0 bye");
      socket.end();
    } else say("250 2.0.0 ok");
  };
  say("220 mail.example.com ESMTP");
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (;;) {
      const end = inData ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
      if (end < 0) return;
      const part = text.slice(0, end);
      text = text.slice(end + (inData ? 5 : 2));
      if (inData && mail) {
        received.push({ ...mail, data: Buffer.from(part, "latin1").toString() });
        inData = false;
        say("250 2.0.0 queued as E2E");
      } else command(part);
    }
  });
}
