import { Page } from "../../parts/page";

export default function DeliveriesPage() {
  return <Page title="Deliveries">{null}</Page>;
}
