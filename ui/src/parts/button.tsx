import type { LucideIcon } from "lucide-react";
import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { Link } from "wouter";
import css from "./button.module.css";

interface Look {
  /** primary: what the page is for, once on it. danger: what cannot be undone. quiet: no frame. */
  kind?: "primary" | "plain" | "quiet" | "danger";
  size?: "normal" | "small";
  icon?: LucideIcon;
  children?: ReactNode;
}

function classes({ kind = "plain", size = "normal", children }: Look, more?: string) {
  return [css.button, css[kind], css[size], children ? "" : css.square, more].filter(Boolean).join(" ");
}

type ButtonProps = Look & { busy?: boolean } & Omit<ComponentProps<"button">, keyof Look>;

/** A button. While busy it shows that it works, and takes no further press. Without children it needs an aria-label. */
export function Button({ kind, size, icon: Icon, busy, children, className, disabled, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={classes({ kind, size, children }, className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      title={children ? undefined : rest["aria-label"]}
      {...rest}
    >
      {busy ? <LoaderCircle className={css.spin} size={16} aria-hidden /> : Icon && <Icon size={16} aria-hidden />}
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({
  kind,
  size,
  icon: Icon,
  children,
  href,
  ...rest
}: Look & { href: string } & Omit<ComponentProps<"a">, keyof Look | "href">) {
  return (
    <Link href={href} className={classes({ kind, size, children })} {...rest}>
      {Icon && <Icon size={16} aria-hidden />}
      {children}
    </Link>
  );
}
