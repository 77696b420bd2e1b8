import type { Schemas } from "../../api/client";

export type Source = Schemas["Source"];

export interface Kind {
  name: string;
  /** What it is, in a sentence. */
  about: string;
  /** connects: we go to it. listens: it sends its webhooks to us. */
  way: "connects" | "listens";
  /** What its own accounts are called there, for the account map. */
  accounts?: string;
  /** What to enter on the other system's side. */
  steps: string[];
}

/** The phone systems that can be a source, and what each needs on its side. */
export const kinds: { [kind: string]: Kind } = {
  asterisk: {
    name: "Asterisk and FreePBX",
    about: "Switchhook connects to its manager interface (AMI), to ARI, or to both.",
    way: "connects",
    steps: [
      "In manager.conf set enabled = yes and timestampevents = yes, and add a section [switchhook] with a long secret.",
      "Give that section read = system,call,agent,user,cdr,security and write = system,call,reporting, and permit only this server’s address.",
      "Run asterisk -rx 'manager reload'. “switchhook doctor asterisk” says what is missing.",
    ],
  },
  kazoo: {
    name: "Kazoo",
    about: "Its webhooks become events here.",
    way: "listens",
    accounts: "Kazoo account id, 32 hex characters",
    steps: [
      "In Kazoo make a webhook with the URL above as its uri.",
      "Choose the hook “all” and the format json.",
      "Do the same in each Kazoo account, or in one with “include subaccounts”.",
    ],
  },
  voipbin: {
    name: "VoIPBin",
    about: "Its webhooks become events here.",
    way: "listens",
    accounts: "VoIPBin customer id, a UUID",
    steps: [
      "Set the customer’s webhook_uri to the URL above, and webhook_method to POST.",
      "A flow’s action webhook_send can send to the same URL with ?webhook_send behind it.",
    ],
  },
  teli: {
    name: "Teli",
    about: "Record changes, texts and delivery receipts become events here.",
    way: "listens",
    accounts: "Teli user id",
    steps: ["In Teli’s portal enter the URL above as your web hook URL,", "as your SMS URL,", "and as your delivery receipt URL."],
  },
  primevox: {
    name: "PrimeVOX",
    about: "Call, message and queue notifications become events here.",
    way: "listens",
    accounts: "container id, or container/tenant",
    steps: [
      "Open the API/Webhooks tab of each number, extension, ring group or queue.",
      "Enter the URL above for each event, with the method POST and JSON.",
    ],
  },
};

export const kindOf = (kind: string): Kind => kinds[kind] ?? { name: kind, about: "", way: "listens", steps: [] };

export const hrefOf = (s: { id: string }) => `/sources/${encodeURIComponent(s.id)}`;

/** How it stands, in words. */
export function stateOf(s: Source): { word: string; tone: "ok" | "warn" | "bad" | "idle" | "info"; sentence: string } {
  switch (s.state) {
    case "listening":
      return s.stats.last_message_at
        ? { word: "listening", tone: "ok", sentence: "It takes whatever the system sends to its address." }
        : {
            word: "nothing yet",
            tone: "info",
            sentence: "Nothing has come since the program’s start. Is the address entered on the other side?",
          };
    case "connected":
      return { word: "connected", tone: "ok", sentence: s.system ? `It is connected to ${s.system}.` : "It is connected." };
    case "connecting":
      return { word: "connecting", tone: "info", sentence: "It connects for the first time." };
    case "failing":
      return {
        word: "failing",
        tone: "bad",
        sentence: s.reason ? `It cannot connect: ${s.reason}. It is tried again and again.` : "It cannot connect, and is tried again.",
      };
    default:
      return { word: s.state, tone: "idle", sentence: "It stands still while the server stops." };
  }
}
