import { Page } from "../../parts/page";

export default function RecordsPage() {
  return <Page title="Records">{null}</Page>;
}
