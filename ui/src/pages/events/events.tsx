import { Page } from "../../parts/page";

export default function EventsPage() {
  return <Page title="Events">{null}</Page>;
}
