import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// What is built is committed at internal/web/dist and embedded in the program, so that building it
// needs no Node. `SWITCHHOOK=http://127.0.0.1:8420 npm run dev` serves the source on a running server's data.
const server = process.env.SWITCHHOOK ?? "http://127.0.0.1:8420";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../internal/web/dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // the policy lets nothing in that is not a file of ours
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    license: { fileName: "licenses.md" },
    reportCompressedSize: true,
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/portal", "/signin", "/openapi.json", "/healthz"].map((path) => [path, { target: server }])),
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
