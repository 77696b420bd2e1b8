import { Page } from "../../parts/page";

export default function AccountPage() {
  return <Page title="Account">{null}</Page>;
}
