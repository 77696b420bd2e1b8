import { Page } from "../../parts/page";

export default function SourcesPage() {
  return <Page title="Sources">{null}</Page>;
}
