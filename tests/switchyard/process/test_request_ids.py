"""The number that a request brings goes into logs and messages, so it is one, or a new one is made."""

import pytest
from django.test import RequestFactory

from switchyard.process.request_lines import RequestIds


@pytest.mark.parametrize("number", ["a b", "x" * 129, "é", "-x", "", "a\tb", "<script>"])
def test_a_number_of_a_request_that_is_none_is_replaced(number: str) -> None:
    request = RequestFactory(headers={"X-Request-ID": number, "X-Correlation-ID": number}).get("/")
    RequestIds(lambda _: None)(request)
    assert not {"HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID"} & request.META.keys()


def test_a_number_of_a_request_that_is_one_stays() -> None:
    request = RequestFactory(headers={"X-Request-ID": "0b0c6d3a-0000:1/2"}).get("/")
    RequestIds(lambda _: None)(request)
    assert request.META["HTTP_X_REQUEST_ID"] == "0b0c6d3a-0000:1/2"
