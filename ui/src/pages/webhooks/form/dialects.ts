// What a person is to know of each dialect before choosing it, and the settings that it has.

export interface Option {
  name: string;
  label: string;
  hint: string;
  /** Absent: text. */
  choices?: readonly { value: string; label: string }[];
  secret?: boolean;
  json?: boolean;
}

export interface Dialect {
  name: string;
  title: string;
  /** Who wants it. */
  sentence: string;
  formats?: readonly { value: string; label: string }[];
  /** The first is what is sent where none is chosen. */
  methods?: readonly string[];
  options: readonly Option[];
  customData?: boolean;
}

export const dialects: readonly Dialect[] = [
  {
    name: "switchhook",
    title: "Switchhook",
    sentence: "Our own JSON, the same for every event. Choose this for a program that is yet to be written.",
    methods: ["POST", "PUT"],
    options: [
      {
        name: "secrets",
        label: "Passwords in events",
        hint: "Events such as a new user's can carry a password or a link that sets one.",
        choices: [
          { value: "", label: "Mask them (default)" },
          { value: "show", label: "Show them as they are" },
        ],
      },
    ],
  },
  {
    name: "kazoo",
    title: "Kazoo",
    sentence: "The hooks of 2600Hz Kazoo, such as channel_create, for programs that were written for Kazoo’s webhooks.",
    formats: [
      { value: "form", label: "Form" },
      { value: "json", label: "JSON" },
    ],
    methods: ["POST", "PUT", "GET"],
    customData: true,
    options: [
      {
        name: "version",
        label: "Payload",
        hint: "v2 is Kazoo 5’s newer payload.",
        choices: [
          { value: "", label: "v1 (default)" },
          { value: "v2", label: "v2" },
        ],
      },
      {
        name: "kazoo_version",
        label: "Habits of",
        hint: "What a v1 payload has differs a little between Kazoo 4 and 5.",
        choices: [
          { value: "", label: "Kazoo 4 (default)" },
          { value: "5", label: "Kazoo 5" },
        ],
      },
      { name: "sha256_key", label: "Key of the v2 signature", hint: "Signs v2 payloads, as Kazoo 5 does.", secret: true },
      { name: "cluster_id", label: "Cluster id", hint: "The cluster_id of every payload. Default: one that is the same on all machines." },
      { name: "node", label: "Node", hint: "The node that notifications are said to come from." },
      { name: "realm", label: "Realm", hint: "Completes user@realm where only the user is known." },
      {
        name: "secrets",
        label: "Passwords in notifications",
        hint: "Kazoo sends them in plain text.",
        choices: [
          { value: "", label: "Mask them (default)" },
          { value: "show", label: "Show them, as Kazoo does" },
        ],
      },
      {
        name: "topup_event_name",
        label: "Name of top-ups",
        hint: "Kazoo’s page and its code differ.",
        choices: [
          { value: "", label: "top_up (default)" },
          { value: "topup", label: "topup" },
        ],
      },
    ],
  },
  {
    name: "voipbin",
    title: "VoIPBin",
    sentence: "VoIPBin’s JSON, such as call_created with all of the call, for programs that were written for its webhooks.",
    methods: ["POST", "PUT", "GET", "DELETE"],
    options: [
      {
        name: "era",
        label: "Bodies of",
        hint: "Programs of 2022 know only what there was then.",
        choices: [
          { value: "", label: "Today (default)" },
          { value: "2022", label: "2022" },
        ],
      },
    ],
  },
  {
    name: "teli",
    title: "Teli",
    sentence: "Teli’s posts: text messages and receipts as forms, changes of its directory as JSON.",
    options: [
      {
        name: "values",
        label: "Values of records",
        hint: "Teli sends all of them as strings.",
        choices: [
          { value: "", label: "Strings (default)" },
          { value: "typed", label: "Numbers and booleans as such" },
        ],
      },
      {
        name: "schema_names",
        label: "Other names of schemas",
        hint: 'Such as {"directory_listings": "did_directory_listings"}.',
        json: true,
      },
    ],
  },
  {
    name: "primevox",
    title: "PrimeVOX",
    sentence: "PrimeVOX’s webhooks on numbers, extensions, ring groups and queues, with its own parameters.",
    options: [
      { name: "container_id", label: "Container id", hint: "Default: six digits made from the account." },
      { name: "tenant_id", label: "Tenant id", hint: "Default: 0." },
      {
        name: "numbers",
        label: "Phone numbers",
        hint: "PrimeVOX writes them without their +.",
        choices: [
          { value: "", label: "Plain: 12025550143 (default)" },
          { value: "as_given", label: "As given: +12025550143" },
        ],
      },
      {
        name: "blanks",
        label: "Blanks in forms",
        hint: "How a blank is written in a form.",
        choices: [
          { value: "", label: "%20 (default)" },
          { value: "+", label: "+" },
        ],
      },
    ],
  },
  {
    name: "template",
    title: "Your own body",
    sentence: "A body that you write, with placeholders: for a chat, a ticket system, or any other API.",
    methods: ["POST", "PUT", "PATCH", "DELETE", "GET"],
    options: [
      {
        name: "content_type",
        label: "Content type",
        hint: "JSON, a form, XML or plain text. What is filled in is written as it wants it.",
        choices: [
          { value: "", label: "As the body begins (default)" },
          { value: "application/json", label: "application/json" },
          { value: "application/x-www-form-urlencoded", label: "application/x-www-form-urlencoded" },
          { value: "application/xml", label: "application/xml" },
          { value: "text/plain", label: "text/plain" },
        ],
      },
    ],
  },
];

/** A dialect by its name; one that this page does not know yet has no settings here. */
export const dialectOf = (name: string): Dialect =>
  dialects.find((d) => d.name === name) ?? { name, title: name, sentence: "", options: [] };

/** What can be written into a body of one's own; docs/guides/template.md says what each means. */
export const placeholders: readonly [of: string, names: string][] = [
  ["The event", "EVENT_ID EVENT_TYPE ACCOUNT_ID OCCURRED_AT TIMESTAMP"],
  ["Who and what", "FROM_NUMBER FROM_NAME TO_NUMBER TO_NAME DIRECTION STATUS"],
  ["A call", "CALL_ID CALL_UUID NUMBER_DIALED ANSWERED_BY HANGUP_CAUSE HANGUP_REASON DURATION_SECONDS RINGING_SECONDS BILLABLE_SECONDS"],
  ["The number called", "PHONE_NUMBER PHONE_NUMBER_DESCRIPTION GROUP_NAME CALLERID_PREFIX"],
  ["Extension, ring group", "EXTENSION_NUMBER EXTENSION_NAME RING_GROUP_EXTEN RING_GROUP_NAME"],
  ["Queue", "QUEUE_EXTEN QUEUE_NAME QUEUE_POSITION WAIT_SECONDS AGENT_ID AGENT_NAME"],
  ["A text message", "MESSAGE_ID MESSAGE_TEXT CONVO_ID"],
  ["Voicemail, recording", "MAILBOX_NUMBER VOICEMAIL_ID VOICEMAIL_URL VOICEMAIL_SECONDS RECORDING_URL"],
];

export const firstTemplate = `{
  "event": "{EVENT_TYPE}",
  "text": "{FROM_NAME} ({FROM_NUMBER}) to {TO_NUMBER}",
  "inbound": {{ data.?call.?direction.orValue("") == "inbound" }}
}`;

/** Filters to begin with. */
export const filters: readonly [means: string, filter: string][] = [
  ["Inbound calls", 'data.call.direction == "inbound"'],
  ["Calls that reached nobody", 'data.call.hangup_reason in ["no_answer", "busy"]'],
  ["Calls from an area code", 'data.call.from.address.startsWith("+1202")'],
  ["Callers who show their number", 'data.?call.?from.?address.orValue("") != "anonymous"'],
  ["Calls of more than a minute", "data.call.duration_ms > 60000"],
  ["Texts that opt out", 'data.message.text.trim().upperAscii() in ["STOP", "STOPALL", "UNSUBSCRIBE"]'],
  ["Office hours in Berlin", 'event.occurred_at.getHours("Europe/Berlin") >= 8 && event.occurred_at.getHours("Europe/Berlin") < 18'],
];
