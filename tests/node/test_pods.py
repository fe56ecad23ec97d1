"""A pod of each role is deleted under load, one by one, and nobody who asks for something sees it."""

import pytest

from tests.node.disruption import Row, assert_nothing_is_lost, assert_nothing_shows, disruption
from tests.node.service import ROLES, Service


@pytest.mark.parametrize("how", ["", "--force"])
@pytest.mark.parametrize("role", ROLES)
def test_a_pod_is_deleted(service: Service, rows: list[Row], role: str, how: str) -> None:
    (pod, *_) = service.pods(role)
    force = [how, "--grace-period=0"] if how else []
    with disruption(service, rows, f"a pod of {role} deleted{', by force' if how else ''}") as row:
        service.delete("pod", pod["metadata"]["name"], *force)
    # A pod that is gone at once cannot end its requests.
    (assert_nothing_is_lost if how and role == "web" else assert_nothing_shows)(row)
