import { Page } from "../../parts/page";

export default function EventPage() {
  return <Page title="Event">{null}</Page>;
}
