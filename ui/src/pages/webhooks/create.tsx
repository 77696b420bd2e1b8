import { Page } from "../../parts/page";

export default function CreatePage() {
  return <Page title="Create">{null}</Page>;
}
