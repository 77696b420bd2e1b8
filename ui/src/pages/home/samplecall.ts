import { api } from "../../api/client";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tells of a call as a phone system does, while it happens: somebody calls, a phone rings, it is answered, and they hang up. */
export async function ringSampleCall(account: string) {
  const id = crypto.randomUUID?.() ?? `sample-${Date.now()}`;
  const created = new Date();
  const call = {
    id,
    direction: "inbound",
    leg_direction: "inbound",
    from: { address: "+14155550123", name: "Ada Lovelace", type: "tel" },
    to: { address: "+14155550100", type: "tel" },
    created_at: created.toISOString(),
  };
  const tell = (type: string, more: Record<string, unknown>) =>
    api.POST("/v1/events", {
      body: { type, account_id: account, occurred_at: new Date().toISOString(), data: { call: { ...call, ...more } } },
    });
  await tell("call.created", { status: "ringing" });
  await pause(900);
  const answered = new Date();
  const answer = {
    answered_at: answered.toISOString(),
    answered_by: "extension",
    answered_extension: { id: "ext-101", number: "101", name: "Grace Hopper" },
  };
  await tell("call.answered", { status: "answered", ...answer });
  await pause(1600);
  const ended = new Date();
  await tell("call.hungup", {
    status: "ended",
    ...answer,
    ended_at: ended.toISOString(),
    duration_ms: ended.getTime() - created.getTime(),
    billable_ms: ended.getTime() - answered.getTime(),
    hangup_by: "remote",
    released_by: "caller",
    hangup_reason: "normal",
    hangup_cause: "NORMAL_CLEARING",
  });
}
