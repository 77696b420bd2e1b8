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
    rolldownOptions: {
      output: {
        // Few files pack better than many: what every page needs, all pages, and what is large and rarely needed.
        codeSplitting: {
          groups: [
            { name: "codemirror", test: /node_modules[\\/](@codemirror|@lezer|style-mod|w3c-keyname|crelt|@marijn)/, priority: 3 },
            { name: "plot", test: /node_modules[\\/]uplot/, priority: 3 },
            { name: "vendor", test: /node_modules/, priority: 2 },
            { name: "pages", test: /src[\\/]/, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/portal", "/signin", "/openapi.json", "/healthz"].map((path) => [path, { target: server }])),
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
