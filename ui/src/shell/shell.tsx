import {
  Activity,
  BookOpen,
  Building2,
  ChevronsUpDown,
  ClipboardList,
  Contact,
  FileCode2,
  House,
  KeyRound,
  LayoutTemplate,
  LogOut,
  Mails,
  Megaphone,
  Monitor,
  Moon,
  MoreHorizontal,
  PhoneCall,
  Plug,
  Radio,
  Search,
  Send,
  Settings,
  Sun,
  Webhook,
  X,
  type LucideIcon,
} from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "../api/client";
import { Button } from "../parts/button";
import { Menu } from "../parts/overlay";
import { AccountSwitch } from "./accounts";
import { logo, product } from "./brand";
import { Finder } from "./finder";
import { useKeep, useMay, useWho } from "./session";
import { choose, useTheme } from "./theme";
import css from "./shell.module.css";

interface Place {
  href: string;
  label: string;
  icon: LucideIcon;
  /** Shown to those alone who may do this. */
  admin?: boolean;
}

const places: { name: string; places: Place[] }[] = [
  {
    name: "Now",
    places: [
      { href: "/", label: "Home", icon: House },
      { href: "/live", label: "Live", icon: Radio },
    ],
  },
  {
    name: "What happened",
    places: [
      { href: "/calls", label: "Calls", icon: PhoneCall },
      { href: "/events", label: "Events", icon: Activity },
      { href: "/deliveries", label: "Deliveries", icon: Send },
    ],
  },
  {
    name: "Set up",
    places: [
      { href: "/webhooks", label: "Webhooks", icon: Webhook },
      { href: "/records", label: "Directory", icon: Contact },
      { href: "/catalogue", label: "Catalogue", icon: BookOpen },
    ],
  },
  {
    name: "Notifications",
    places: [
      { href: "/templates", label: "Templates", icon: LayoutTemplate },
      { href: "/mails", label: "Outbox", icon: Mails },
      { href: "/customer-update", label: "Customer update", icon: Megaphone, admin: true },
    ],
  },
  {
    name: "Manage",
    places: [
      { href: "/sources", label: "Sources", icon: Plug, admin: true },
      { href: "/accounts", label: "Accounts", icon: Building2, admin: true },
      { href: "/access", label: "Keys and users", icon: KeyRound, admin: true },
      { href: "/audit", label: "Audit", icon: ClipboardList, admin: true },
      { href: "/settings", label: "Settings", icon: Settings },
    ],
  },
];

/** What is around every page: the ways to the others, the search, and who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const [openAt, setOpenAt] = useState("");
  const [finding, setFinding] = useState(false);
  const admin = useMay("admin");
  const keep = useKeep();
  const open = openAt === path; // and closed wherever a link leads
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const typing = (e.target as Element).closest?.("input,textarea,select,[contenteditable=true]");
      if ((e.key === "k" && (e.metaKey || e.ctrlKey)) || (e.key === "/" && !typing)) {
        e.preventDefault();
        setFinding(true);
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  const link = (p: Place) => {
    const here = p.href === "/" ? path === "/" : path === p.href || path.startsWith(p.href + "/");
    return (
      <Link key={p.href} href={keep(p.href)} aria-current={here ? "page" : undefined}>
        <p.icon size={18} aria-hidden />
        <span>{p.label}</span>
      </Link>
    );
  };

  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>
        To the content
      </a>
      <aside className={css.side} data-open={open || undefined}>
        <Link href={keep("/")} className={css.brand}>
          <img src={logo()} alt="" height={26} />
          <span className="truncate">{product()}</span>
        </Link>
        <nav aria-label="Main" className={css.nav}>
          {places.map((group) => {
            const shown = group.places.filter((p) => admin || !p.admin);
            return (
              shown.length > 0 && (
                <div key={group.name} className={css.group}>
                  <h2>{group.name}</h2>
                  {shown.map(link)}
                </div>
              )
            );
          })}
          <a href="/docs" className={css.docs}>
            <FileCode2 size={18} aria-hidden />
            <span>API reference</span>
          </a>
        </nav>
        <WhoMenu />
      </aside>
      <header className={css.top}>
        <Link href={keep("/")} className={css.topBrand} aria-label="Home">
          <img src={logo()} alt="" height={26} />
        </Link>
        <AccountSwitch />
        <button type="button" className={css.find} onClick={() => setFinding(true)}>
          <Search size={16} aria-hidden />
          <span>
            Find<span className={css.findMore}> a call, a number, an id…</span>
          </span>
          <kbd>/</kbd>
        </button>
      </header>
      <main id="main" tabIndex={-1} className={css.main}>
        {children}
      </main>
      <nav aria-label="Main, short" className={css.bar}>
        {[places[0]?.places[0], places[1]?.places[0], places[1]?.places[2], places[2]?.places[0]].map((p) => p && link(p))}
        <button type="button" onClick={() => setOpenAt(open ? "" : path)} aria-expanded={open}>
          {open ? <X size={18} aria-hidden /> : <MoreHorizontal size={18} aria-hidden />}
          <span>More</span>
        </button>
      </nav>
      <Finder open={finding} onClose={() => setFinding(false)} />
    </div>
  );
}

function WhoMenu() {
  const who = useWho();
  const theme = useTheme();
  const signOut = async () => {
    await api.DELETE("/v1/session");
    location.assign("/");
  };
  return (
    <div className={css.who}>
      <Menu
        trigger={
          <Button kind="quiet" className={css.whoButton}>
            <span className="grow truncate">
              <b dir="auto">{who.name ?? who.account_name}</b>
              <small dir="auto">
                {who.kind === "portal_link" ? "Opened by a link" : who.account_name} · {who.role}
              </small>
            </span>
            <ChevronsUpDown size={16} aria-hidden />
          </Button>
        }
        items={[
          { label: theme === "light" ? "Light ✓" : "Light", icon: Sun, onSelect: () => choose("light") },
          { label: theme === "dark" ? "Dark ✓" : "Dark", icon: Moon, onSelect: () => choose("dark") },
          { label: theme === "system" ? "As the system ✓" : "As the system", icon: Monitor, onSelect: () => choose("system") },
          !who.embedded && "line",
          !who.embedded && { label: "Sign out", icon: LogOut, onSelect: () => void signOut() },
        ]}
      />
    </div>
  );
}
