import { expect, test } from "vitest";
import { addressee, becameOf, notificationOf, titleOf } from "./mail";

test("a delivery's target tells whether it is a notification", () => {
  expect(notificationOf("mail:acme:voicemail_to_email")).toEqual({ medium: "email", account: "acme", template: "voicemail_to_email" });
  expect(notificationOf("sms:acme:alarm")?.medium).toBe("sms");
  expect(notificationOf("wh_01")).toBeUndefined();
  expect(titleOf("voicemail_to_email")).toBe("Voicemail to email");
});

test("what the server said is told with what it means", () => {
  const base = { medium: "email", outcome: "failure", delivery_state: "failed", status: 550, answer: "550 5.1.1 no such user" };
  expect(becameOf(base)).toBe("Refused: 550 5.1.1 no such user");
  expect(becameOf({ ...base, delivery_state: "pending", status: 451, answer: "451 greylisted" })).toBe("Not yet: 451 greylisted");
  expect(becameOf({ ...base, status: undefined, answer: undefined, error: "connection refused" })).toBe("Connection refused");
  const some = {
    ...base,
    outcome: "success",
    answer: "250 ok",
    accepted: ["a@example.com"],
    refused: [{ address: "b@example.com", answer: "550 no" }],
  };
  expect(becameOf(some)).toBe("Taken for 1, refused for 1: 550 no");
});

test("lists show names where addresses have them", () => {
  expect(["Ada <ada@example.com>", '"Lovelace, Ada" <ada@example.com>', "ada@example.com", "<ada@example.com>"].map(addressee)).toEqual([
    "Ada",
    "Lovelace, Ada",
    "ada@example.com",
    "<ada@example.com>",
  ]);
});
