export function Created({ webhook }: { webhook: unknown }) { return <pre>{JSON.stringify(webhook)}</pre>; }
