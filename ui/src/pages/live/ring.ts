/** The last rows of a stream. It is a store for useSyncExternalStore; what is added is told once for each call. */
export class Ring<T> {
  static readonly size = 5000;

  /** All that came since the ring was made or cleared. */
  total = 0;
  /** How many have come while it was paused, and wait. */
  get aside() {
    return this.#aside.length + this.#asideLost;
  }
  paused = false;

  #rows: T[] = []; // the oldest first
  #aside: T[] = [];
  #asideLost = 0;
  #version = 0;
  readonly #listeners = new Set<() => void>();

  get length() {
    return this.#rows.length;
  }

  /** How many of the oldest have made room. */
  get lost() {
    return this.total - this.#rows.length;
  }

  /** The row at an index; 0 is the newest. */
  at(index: number): T | undefined {
    return this.#rows[this.#rows.length - 1 - index];
  }

  /** What tells a row from all others, however many come after it. */
  number(index: number): number {
    return this.total - index;
  }

  add(rows: T[]) {
    if (this.paused) {
      this.#aside.push(...rows);
      const over = this.#aside.length - Ring.size;
      if (over > 0) {
        this.#aside.splice(0, over);
        this.#asideLost += over;
      }
    } else this.#put(rows, 0);
    this.#tell();
  }

  pause(paused: boolean) {
    this.paused = paused;
    if (!paused) {
      this.#put(this.#aside, this.#asideLost);
      this.#aside = [];
      this.#asideLost = 0;
    }
    this.#tell();
  }

  clear() {
    this.#rows = [];
    this.#aside = [];
    this.#asideLost = 0;
    this.total = 0;
    this.#tell();
  }

  #put(rows: T[], lost: number) {
    this.total += rows.length + lost;
    this.#rows.push(...rows);
    // Room is made now and then, not with each row.
    if (this.#rows.length > Ring.size * 1.1) this.#rows.splice(0, this.#rows.length - Ring.size);
  }

  #tell() {
    this.#version++;
    for (const l of this.#listeners) l();
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  version = () => this.#version;
}
