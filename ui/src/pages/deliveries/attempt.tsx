import { Page } from "../../parts/page";

export default function AttemptPage() {
  return <Page title="Attempt">{null}</Page>;
}
