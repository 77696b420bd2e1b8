import { useMutation, useQueryClient } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { api, body, type Schemas } from "../../api/client";
import { Button } from "../../parts/button";
import { complain, say } from "../../parts/overlay";
import { useMay } from "../../shell/session";

/** Sends a delivery now: one that waits at once, one that has ended again under its id. */
export function Retry({ delivery, size = "small" }: { delivery: Pick<Schemas["Delivery"], "id" | "state">; size?: "small" | "normal" }) {
  const may = useMay("developer");
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: () => body(api.POST("/v1/deliveries/{id}/retry", { params: { path: { id: delivery.id } } })),
    onSuccess: () => say("On its way", "The new attempt shows up here when it ends."),
    onError: complain,
    onSettled: () => {
      for (const key of ["call", "calls", "delivery", "deliveries", "attempts", "event"])
        void client.invalidateQueries({ queryKey: [key] });
    },
  });
  const open = delivery.state === "pending";
  return (
    <Button
      size={size}
      icon={RotateCw}
      busy={retry.isPending}
      disabled={!may}
      title={may ? undefined : "Your role may read only: retrying needs a developer or an admin"}
      onClick={() => retry.mutate()}
    >
      {open || delivery.state === "failed" ? "Retry now" : "Send again"}
    </Button>
  );
}
