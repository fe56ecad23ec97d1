"""What kube-state-metrics says of a cluster, where there is none: its series, by its names, over HTTP."""

from dataclasses import dataclass

from tests.alerts.stand_in import StandIn

#: As the Prometheus operator names it.
JOB = "kube-state-metrics"


@dataclass
class Kubernetes(StandIn):
    """One worker of io is wanted, and its autoscaler may go far above that, until somebody says otherwise."""

    wanted: int = 1
    maximum: int = 4
    #: The share of the database's volume that is free, and the images that roles run.
    free: float = 0.8
    images: tuple[str, ...] = ("new",)

    def text(self) -> str:
        scaler = '{horizontalpodautoscaler="keda-hpa-worker-io"}'
        volume = '{persistentvolumeclaim="data-postgres-0"}'
        pods = "".join(
            f'kube_pod_container_info{{pod="web-{image}-1",container="app",image="{image}"}} 1\n'
            for image in self.images
        )
        return (
            f"{pods}kubelet_volume_stats_capacity_bytes{volume} 1000\n"
            f"kubelet_volume_stats_available_bytes{volume} {1000 * self.free}\n"
            f'kube_deployment_spec_replicas{{deployment="worker-io"}} {self.wanted}\n'
            f"kube_horizontalpodautoscaler_status_current_replicas{scaler} 1\n"
            f"kube_horizontalpodautoscaler_spec_max_replicas{scaler} {self.maximum}\n"
        )
