"""The broker users of k8s/components/rabbitmq on the test's broker, with the rights that are rendered."""

from urllib.parse import urlsplit

import httpx

from tests.live.broker import Vhost
from tests.manifests.rendered import K8S, Document, documents, of_kind

USERS = documents(K8S / "components" / "rabbitmq" / "users")
ROLES = sorted(of_kind(USERS, "User"))
PASSWORD = "only-for-tests"


class Users:
    """One user for each role, in one vhost. Another ``generation`` has other names and the same rights."""

    def __init__(self, vhost: Vhost, generation: str = "first") -> None:
        self.vhost = vhost
        self.generation = generation

    def make(self) -> None:
        with self._management() as management:
            for role in ROLES:
                tags = ",".join(tag for tag in of_kind(USERS, "User")[role]["spec"]["tags"] if tag)
                body = {"password": PASSWORD, "tags": tags}
                management.put(f"/api/users/{self.named(role)}", json=body).raise_for_status()
                path = f"/api/permissions/{self.vhost.name}/{self.named(role)}"
                management.put(path, json=permissions(role)).raise_for_status()

    def delete(self) -> None:
        """Twice is harmless."""
        with self._management() as management:
            for role in ROLES:
                answer = management.delete(f"/api/users/{self.named(role)}")
                assert answer.status_code in {204, 404}, answer.text

    def named(self, role: str) -> str:
        return f"{role}-{self.generation}-{self.vhost.name}"

    def url(self, role: str) -> str:
        return self._as(role, self.vhost.url)

    def variables(self, role: str) -> dict[str, str]:
        """What a role that is that user has in its environment."""
        return {
            "BROKER_URL": self.url(role),
            "BROKER_MANAGEMENT_URL": self._as(role, self.vhost.management_url),
        }

    def _as(self, role: str, url: str) -> str:
        parts = urlsplit(url)
        netloc = f"{self.named(role)}:{PASSWORD}@{parts.hostname}:{parts.port}"
        return parts._replace(netloc=netloc).geturl()

    def _management(self) -> httpx.Client:
        return httpx.Client(base_url=self.vhost.management_url, timeout=30)


def permissions(role: str) -> Document:
    (permission,) = [
        item["spec"]
        for item in of_kind(USERS, "Permission").values()
        if item["spec"]["userReference"]["name"] == role
    ]
    return dict(permission["permissions"])
