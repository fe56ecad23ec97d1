"""What a blackbox exporter says of web, where there is none: at each scrape it asks web itself."""

import time
from dataclasses import dataclass

import httpx

from tests.alerts.stand_in import StandIn

JOB = "switchyard-web-probe"


@dataclass
class Probe(StandIn):
    url: str
    #: Of the certificate that web's balancer has.
    days_left: float = 90

    def text(self) -> str:
        try:
            answered = httpx.get(f"{self.url}/readyz", timeout=3, trust_env=False).is_success
        except httpx.HTTPError:
            answered = False
        ends = time.time() + self.days_left * 24 * 3600
        return f"probe_success {int(answered)}\nprobe_ssl_earliest_cert_expiry {ends}\n"
