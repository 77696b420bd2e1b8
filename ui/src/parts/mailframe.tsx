import { type ReactNode, useEffect, useRef, useState } from "react";
import { Segments } from "./field";
import css from "./mailframe.module.css";

/**
 * A mail's HTML as its reader sees it: a page of its own in a frame that lets nothing run, at the width of a phone or of a
 * desk, on a light or a dark screen. What is wider than there is room for is shown smaller.
 */
export function MailFrame({ src, title, height = 560, beside }: { src: string; title: string; height?: number; beside?: ReactNode }) {
  const [chosen, setWidth] = useState<"800" | "360">();
  const [scheme, setScheme] = useState<"light" | "dark">("light");
  const [shown, setShown] = useState(src);
  const [room, setRoom] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return undefined;
    const watch = new ResizeObserver(([e]) => e && setRoom(e.contentRect.width));
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  // Until somebody says: what can be read.
  const width = chosen ?? (room < 520 ? "360" : "800");
  const scale = room ? Math.min(1, room / Number(width)) : 1;
  return (
    <div className={css.frame}>
      <div className={css.bar}>
        <Segments<"800" | "360">
          label="Width"
          value={width}
          onChange={setWidth}
          options={[
            { value: "800", label: "Desktop" },
            { value: "360", label: "Phone" },
          ]}
        />
        <Segments<"light" | "dark">
          label="Screen"
          value={scheme}
          onChange={setScheme}
          options={[
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
        />
        {beside}
      </div>
      <div ref={place} className={css.room} style={{ height }}>
        {[...new Set([shown, src])].map((one) => (
          <iframe
            key={one}
            src={one}
            sandbox=""
            title={one === shown ? title : `${title}, on its way`}
            aria-hidden={one === shown ? undefined : true}
            data-next={one === shown ? undefined : ""}
            data-dark={scheme === "dark" ? "" : undefined}
            onLoad={() => setShown(src)}
            style={{
              width: `${width}px`,
              height: height / scale,
              transform: `translateX(-50%) scale(${scale})`,
              colorScheme: scheme,
              opacity: room ? 1 : 0,
            }}
          />
        ))}
      </div>
    </div>
  );
}
