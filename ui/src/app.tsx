import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Compass } from "lucide-react";
import { Component, lazy, type ReactNode, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Problem } from "./api/client";
import { ButtonLink } from "./parts/button";
import { Toasts } from "./parts/overlay";
import { Empty, Failure, Page, Skeleton } from "./parts/page";
import { SignedIn } from "./shell/session";
import { Shell } from "./shell/shell";
import { AskFirst } from "./shell/unsaved";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // What was refused stays refused; what did not come through may yet.
      retry: (failures, error) => failures < 2 && error instanceof Problem && (error.status === 0 || error.status >= 500),
    },
  },
});

// The pages come once somebody is signed in; what is large in them (editor, charts) when it is first needed.
const pages: Record<string, ReturnType<typeof lazy>> = {
  "/": lazy(() => import("./pages/home/home")),
  "/live": lazy(() => import("./pages/live/live")),
  "/calls": lazy(() => import("./pages/calls/calls")),
  "/calls/:id": lazy(() => import("./pages/calls/call")),
  "/events": lazy(() => import("./pages/events/events")),
  "/events/:id": lazy(() => import("./pages/events/event")),
  "/deliveries": lazy(() => import("./pages/deliveries/deliveries")),
  "/deliveries/:id": lazy(() => import("./pages/deliveries/delivery")),
  "/attempts/:id": lazy(() => import("./pages/deliveries/attempt")),
  "/webhooks": lazy(() => import("./pages/webhooks/webhooks")),
  "/webhooks/new": lazy(() => import("./pages/webhooks/create")),
  "/webhooks/:id": lazy(() => import("./pages/webhooks/webhook")),
  "/webhooks/:id/edit": lazy(() => import("./pages/webhooks/edit")),
  "/templates": lazy(() => import("./pages/templates/templates")),
  "/templates/:id": lazy(() => import("./pages/templates/template")),
  "/mails": lazy(() => import("./pages/mails/mails")),
  "/mails/:id": lazy(() => import("./pages/mails/mail")),
  "/customer-update": lazy(() => import("./pages/update/update")),
  "/records": lazy(() => import("./pages/records/records")),
  "/records/:schema/:id": lazy(() => import("./pages/records/record")),
  "/catalogue": lazy(() => import("./pages/catalogue/catalogue")),
  "/catalogue/:type": lazy(() => import("./pages/catalogue/type")),
  "/sources": lazy(() => import("./pages/sources/sources")),
  "/sources/:id": lazy(() => import("./pages/sources/source")),
  "/accounts": lazy(() => import("./pages/accounts/accounts")),
  "/accounts/:id": lazy(() => import("./pages/accounts/account")),
  "/access": lazy(() => import("./pages/access/access")),
  "/audit": lazy(() => import("./pages/audit/audit")),
  "/settings": lazy(() => import("./pages/settings/settings")),
};

// For whoever comes, signed in or not.
const Reference = lazy(() => import("./pages/reference/reference"));

export function App() {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <Switch>
          <Route path="/docs">
            <Suspense>
              <Reference />
            </Suspense>
          </Route>
          <Route>
            <SignedIn>
              <AskFirst>
                <Shell>
                  <Pages />
                </Shell>
              </AskFirst>
            </SignedIn>
          </Route>
        </Switch>
        <Toasts />
      </QueryClientProvider>
    </CSPProvider>
  );
}

function Pages() {
  const [path] = useLocation();
  return (
    <Fault key={path}>
      <Suspense fallback={<Loading />}>
        <Switch>
          {Object.entries(pages).map(([path, PageOf]) => (
            <Route key={path} path={path} component={PageOf} />
          ))}
          <Route>
            <Page title="Nothing here">
              <Empty icon={Compass} title="There is no page at this address" action={<ButtonLink href="/">Home</ButtonLink>}>
                The link may be an old one, or cut off.
              </Empty>
            </Page>
          </Route>
        </Switch>
      </Suspense>
    </Fault>
  );
}

function Loading() {
  return (
    <Page title={<span className="unseen">Loading</span>}>
      <Skeleton lines={6} />
    </Page>
  );
}

/** A fault in one page leaves the others be. */
class Fault extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Page title="This page failed">
        <Failure error={this.state.error} again={() => location.reload()} />
      </Page>
    );
  }
}
