import { Page } from "../../parts/page";

export default function RecordPage() {
  return <Page title="Record">{null}</Page>;
}
