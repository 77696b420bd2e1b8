import { Page } from "../../parts/page";

export default function CataloguePage() {
  return <Page title="Catalogue">{null}</Page>;
}
