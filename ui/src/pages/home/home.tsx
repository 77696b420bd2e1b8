import { Page } from "../../parts/page";

export default function HomePage() {
  return <Page title="Home">{null}</Page>;
}
