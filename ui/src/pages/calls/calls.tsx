import { Page } from "../../parts/page";

export default function CallsPage() {
  return <Page title="Calls">{null}</Page>;
}
