import { Page } from "../../parts/page";

export default function EditPage() {
  return <Page title="Edit">{null}</Page>;
}
