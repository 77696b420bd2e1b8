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
  /** What is asked for when one is added. The API takes more than these; what is there of it stays. */
  options?: Option[];
  /** What it does until it is connected for the first time, if not that. */
  waits?: string;
  /** What to enter on the other system's side. */
  steps: string[];
}

/** A setting of a kind. */
export interface Option {
  /** As the API has it; ari.url is the member url of the object ari. */
  name: string;
  label: string;
  hint?: string;
  placeholder?: string;
  optional?: boolean;
  /** member: a tick that says whether the list has the member. A name stands beside the secret that follows. */
  type?: "name" | "secret" | "words" | "check" | "member";
  member?: string;
  /** What a ticked check says; true if left out. */
  ticked?: boolean;
  /** What it lies under, folded. */
  group?: string;
}

const kept = "Sealed in the database, never shown.";

/** The phone systems that can be a source, and what each needs on its side. */
export const kinds: { [kind: string]: Kind } = {
  asterisk: {
    name: "Asterisk and FreePBX",
    about: "Switchhook connects to its manager interface (AMI), to ARI, or to both.",
    way: "connects",
    accounts: "context, trunk or account code",
    options: [
      {
        name: "address",
        label: "Manager interface (AMI)",
        hint: "Host, or host:port. The port is 5038, with TLS 5039.",
        placeholder: "192.0.2.1",
      },
      { name: "username", label: "User", hint: "A section of manager.conf.", placeholder: "switchhook", type: "name" },
      { name: "secret", label: "Secret", hint: kept, type: "secret" },
      { name: "tls", label: "TLS", type: "check" },
      {
        name: "trunks",
        label: "Trunks",
        hint: "Endpoints that lead outside, such as trunk* or PJSIP/carrier. Left empty: as Asterisk’s contexts say.",
        optional: true,
        type: "words",
      },
      {
        name: "classes",
        label: "Ask which extensions a call passes",
        hint: "Tells ring groups, at twice the traffic (the event class dialplan).",
        type: "member",
        member: "dialplan",
      },
      {
        name: "ari.url",
        label: "Address of ARI",
        hint: "Such as http://192.0.2.1:8088/ari. It knows some things that the manager interface does not.",
        optional: true,
        group: "ARI, Asterisk’s REST interface",
      },
      { name: "ari.username", label: "User", type: "name", group: "ARI, Asterisk’s REST interface" },
      { name: "ari.password", label: "Password", type: "secret", group: "ARI, Asterisk’s REST interface" },
    ],
    steps: [
      "In manager.conf set enabled = yes and timestampevents = yes, and add a section [switchhook] with a long secret.",
      "Give that section read = system,call,agent,user,cdr,security and write = system,call,reporting, and permit only this server’s address.",
      "Run asterisk -rx 'manager reload'. “switchhook doctor asterisk” says what is missing.",
    ],
  },
  freeswitch: {
    name: "FreeSWITCH",
    about: "Switchhook connects to its event socket; with mod_amqp nothing is missed in between.",
    way: "connects",
    accounts: "SIP domain",
    options: [
      { name: "address", label: "Event socket", hint: "Host, or host:port. The port is 8021.", placeholder: "192.0.2.1" },
      {
        name: "username",
        label: "User",
        hint: "user@domain of the directory. Empty: the socket’s own password.",
        optional: true,
        type: "name",
      },
      { name: "password", label: "Password", hint: kept, type: "secret" },
      {
        name: "trunks",
        label: "Trunks",
        hint: "Gateways and SIP profiles that lead outside. Left empty: gateways, and the profile external.",
        optional: true,
        type: "words",
      },
      {
        name: "amqp.url",
        label: "RabbitMQ",
        hint: "Where mod_amqp sends events, such as amqp://user:password@192.0.2.3:5672/. They come from there instead of the event socket.",
        optional: true,
        group: "mod_amqp: nothing is missed",
      },
      {
        name: "amqp.exchange",
        label: "Exchange",
        hint: "That of mod_amqp; TAP.Events if left empty.",
        optional: true,
        group: "mod_amqp: nothing is missed",
      },
    ],
    steps: [
      "In event_socket.conf.xml set listen-ip, a long password, and an apply-inbound-acl that lets this server in.",
      "Run fs_cli -x 'reload mod_event_socket'. “switchhook doctor freeswitch” says what is missing.",
      "mod_json_cdr may post its records to the source’s address here: they say why calls ended while nobody listened.",
    ],
  },
  kazoo_bus: {
    name: "Kazoo, by its bus",
    about: "Switchhook reads its RabbitMQ over a queue that lasts: nothing is lost, and queues, agents and conferences are told, too.",
    way: "connects",
    accounts: "Kazoo account id, 32 hex characters",
    options: [
      {
        name: "url",
        label: "RabbitMQ",
        hint: "Such as amqp://192.0.2.20, with TLS amqps://. Never shown.",
        placeholder: "amqp://192.0.2.20",
        type: "secret",
      },
      { name: "username", label: "User", placeholder: "switchhook", type: "name" },
      { name: "password", label: "Password", hint: kept, type: "secret" },
      {
        name: "accounts",
        label: "Accounts",
        hint: "Kazoo’s ids of those that are read. Left empty: all.",
        optional: true,
        type: "words",
      },
      {
        name: "make_accounts",
        label: "Make no accounts",
        hint: "Else each of Kazoo’s accounts becomes one below the source’s own, with the same id; a webhook there gets their events if it is to have those of the accounts below, too.",
        type: "check",
        ticked: false,
      },
    ],
    steps: [
      "On the RabbitMQ server add a user: rabbitmqctl add_user switchhook a-long-password.",
      "Let it read Kazoo’s exchanges and have queues of its own: the rabbitmqctl line is in the guide of Kazoo.",
      "“switchhook doctor kazoo amqp://…” tries all of it, and says what is missing.",
    ],
  },
  kamailio: {
    name: "Kamailio",
    about: "A file that its configuration includes posts calls and registrations to Switchhook.",
    way: "connects",
    accounts: "SIP domain, or the address of a trunk",
    waits: "Nothing has been posted yet. Is the address entered in kamailio.cfg?",
    steps: [
      "Copy switchhook.cfg beside kamailio.cfg, define SWITCHHOOK_URL as the address above, and include the file.",
      "Add one line to each of the routes that the guide of Kamailio names.",
      "Run kamailio -c and restart it. “switchhook doctor kamailio” says which line is missing.",
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
      return { word: "connecting", tone: "info", sentence: kindOf(s.kind).waits ?? "It connects for the first time." };
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
