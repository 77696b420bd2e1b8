import { Page } from "../../parts/page";

export default function DeliveryPage() {
  return <Page title="Delivery">{null}</Page>;
}
