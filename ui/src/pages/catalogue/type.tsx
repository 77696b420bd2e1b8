import { Page } from "../../parts/page";

export default function TypePage() {
  return <Page title="Type">{null}</Page>;
}
