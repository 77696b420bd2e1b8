import { Page } from "../../parts/page";

export default function WebhookPage() {
  return <Page title="Webhook">{null}</Page>;
}
