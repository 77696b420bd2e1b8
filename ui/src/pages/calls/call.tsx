import { Page } from "../../parts/page";

export default function CallPage() {
  return <Page title="Call">{null}</Page>;
}
