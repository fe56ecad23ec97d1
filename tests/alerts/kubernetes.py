"""What kube-state-metrics says of a cluster, where there is none: its series, by its names, over HTTP."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from deploy.local.ports import LOOPBACK

#: As the Prometheus operator names it.
JOB = "kube-state-metrics"


@dataclass
class Kubernetes:
    """One worker of io is wanted, and its autoscaler may go far above that, until somebody says otherwise."""

    wanted: int = 1
    maximum: int = 4
    #: The share of the database's volume that is free, and the images that roles run.
    free: float = 0.8
    images: tuple[str, ...] = ("new",)
    _server: ThreadingHTTPServer = field(init=False, repr=False)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._server.server_port}"

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


def _handler(cluster: Kubernetes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(cluster.text().encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
