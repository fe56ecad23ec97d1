"""What the programs of a node are told, as files in its folder ``/config``.

What a machine without CAP_SYS_RESOURCE and with cgroup v1 needs is said where it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.node.network import NAME_SERVICE, Address

#: Under which containerd has the image of the process that holds a pod's namespaces.
PAUSE = "localhost/pause:local"
SOCKET = "unix:///run/containerd/containerd.sock"
CONTAINERD = f"""
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.nri.v1.nri"]

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "/config/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


@dataclass(frozen=True)
class Cluster:
    """What a node must know of it: the API server's URL and certificate (PEM), and each program's token."""

    server: str
    authority: str
    tokens: Mapping[str, str]


def write(folder: Path, node: Address, cgroup: str, cluster: Cluster) -> None:
    """All of it; ``cgroup`` is the control group that the node's pods are in."""
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    (folder / "containerd.toml").write_text(CONTAINERD)
    (folder / "authority.pem").write_text(cluster.authority)
    documents = {
        "kubelet.json": kubelet(node, cgroup),
        "kube-proxy.json": proxy(node),
        "cni/10-bridge.conflist": bridge(node),
    }
    for program, token in cluster.tokens.items():
        documents[f"{program}.kubeconfig"] = kubeconfig(cluster.server, token)
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))


def kubelet(node: Address, cgroup: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.ip,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "clusterDNS": [NAME_SERVICE],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": SOCKET,
        # The machine's disk and memory are not the nodes' alone: only what would end the run ends a pod.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # boot.sh shows it what it wants. It must not set anything of the machine's.
        "protectKernelDefaults": True,
        "resolvConf": "",
    }


def proxy(node: Address) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": node.ip,
        "clientConnection": {"kubeconfig": "/config/kube-proxy.kubeconfig"},
        "clusterCIDR": "10.244.0.0/16",
        # These are the machine's.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "hostnameOverride": node.name,
        "mode": "nftables",
        "oomScoreAdj": 0,
    }


def bridge(node: Address) -> dict[str, Any]:
    """No way out of the cluster: nothing is masqueraded."""
    ranges = {"type": "host-local", "subnet": node.pods, "routes": [{"dst": "0.0.0.0/0"}]}
    plugin = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": ranges,
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [plugin]}


def kubeconfig(server: str, token: str) -> dict[str, Any]:
    cluster = {"server": server, "certificate-authority": "/config/authority.pem"}
    context = {"cluster": "it", "user": "it"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": context}],
        "current-context": "it",
    }
