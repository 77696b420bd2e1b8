import { expect, expectAccessible, expectFits, signIn, test, type Server } from "./server";

// Its many events are nobody else's.
test.use({ own: "live" });

/** Sends events of one account in batches, rate a second, until it is told to stop; returns how many there were. */
function flood(server: Server, rate: number) {
  const stopped = new AbortController();
  let sent = 0;
  const done = (async () => {
    const from = performance.now();
    while (!stopped.signal.aborted) {
      const due = Math.min(1000, Math.floor(((performance.now() - from) / 1000) * rate) - sent);
      if (due > 0) {
        await server.api(
          "POST",
          "/v1/events",
          Array.from({ length: due }, (_, i) => ({
            type: "call.created",
            data: {
              call: {
                id: `flood-${sent + i}`,
                direction: "inbound",
                from: { address: "+14155550123", name: "Rush" },
                to: { address: "+14155550100" },
              },
            },
          })),
        );
        sent += due;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return sent;
  })();
  return () => {
    stopped.abort();
    return done;
  };
}

test("what happens is there at once, and can be filtered and paused", async ({ page, server }) => {
  await signIn(page, server, "/live");
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  const send = (id: string, type = "message.received") =>
    server.api("POST", "/v1/events", {
      type,
      data: type.startsWith("call")
        ? { call: { id, direction: "inbound", from: { address: id }, to: { address: "+14155550100" } } }
        : { message: { id, from: id, to: "+14155550100", text: "x" } },
    });
  const log = page.getByRole("log");
  await send("+14155550177");
  await expect(log.getByText("+1 415 555 0177")).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  await send("+14155550178");
  await expect(page.getByText("1 more while paused")).toBeVisible();
  await expect(log.getByText("+1 415 555 0178")).toHaveCount(0);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(log.getByText("+1 415 555 0178")).toBeVisible();
  await page.getByLabel("Type, such as call.*").fill("call.*");
  await expect(page).toHaveURL(/type=call/);
  await send("+14155550179", "call.created");
  await expect(log.getByText("+1 415 555 0179")).toBeVisible();
  await expect(log.getByText("message.received")).toHaveCount(0);
  await expectAccessible(page);
  await expectFits(page, "live");
});

test("five hundred events a second: scrolling stays smooth, and memory bounded", async ({ page, server }) => {
  test.slow();
  await signIn(page, server, "/live");
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  const stop = flood(server, 500);
  try {
    await expect(async () => {
      const text = await page.getByText(/since this page was opened/).innerText();
      expect(Number(text.replace(/\D/g, ""))).toBeGreaterThan(7000);
    }).toPass({ timeout: 60_000 });
    const client = await page.context().newCDPSession(page);
    await client.send("Performance.setTimeDomain", { timeDomain: "threadTicks" }); // its own time, not what others took
    await client.send("Performance.enable");
    const busy = async () => Object.fromEntries((await client.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
    const before = await busy();
    // Frames while somebody scrolls through the rows, and the longest that the page was busy.
    const { frames, longest } = await page.evaluate(async () => {
      const box = document.querySelector('[role="log"]') as HTMLElement;
      let frames = 0;
      let longest = 0;
      let last = performance.now();
      const until = last + 3000;
      while (last < until) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        frames++;
        box.scrollTop += 60;
      }
      return { frames, longest };
    });
    const after = await busy();
    const spent = (name: string) => ((after[name] ?? 0) - (before[name] ?? 0)) / 3;
    const work = spent("ScriptDuration") + spent("LayoutDuration") + spent("RecalcStyleDuration");
    // A figure to look at, not to be judged by: it says as much of the machine as of the page.
    console.log(
      `live at 500/s: ${(frames / 3).toFixed(0)} frames a second while scrolling, the longest took ${longest.toFixed(0)} ms; the page itself worked ${(work * 1000).toFixed(0)} ms of each second`,
    );
    expect(await page.getByRole("log").locator("a").count()).toBeLessThan(120);
    // A ring of 5,000 events, not all that came.
    await client.send("HeapProfiler.collectGarbage");
    const { usedSize } = await client.send("Runtime.getHeapUsage");
    console.log(`memory: ${(usedSize / 1e6).toFixed(1)} MB`);
    expect(usedSize).toBeLessThan(80e6);
  } finally {
    await stop();
  }
});
