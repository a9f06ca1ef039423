"""Ask a Prefect server directly, as its own client would: with the credential, and a token against forged requests."""

import os
import time
import uuid

import httpx

TIMEOUT_S = 120.0


class PatientTransport(httpx.HTTPTransport):
    """Asks again while Prefect answers 503, which it does while its SQLite database is busy."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first other answer, or the last after ``TIMEOUT_S`` seconds."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return response
            response.close()
            time.sleep(1)


def prefect_api(url: str, credential: str | None = None) -> httpx.Client:
    """A client of the API at ``url``; ``credential`` is that of the test run's server when left out."""
    name, _, password = (credential or os.environ["PREFECT_API_AUTH_STRING"]).partition(":")
    client = httpx.Client(base_url=url, auth=(name, password), timeout=TIMEOUT_S, transport=PatientTransport())
    caller = str(uuid.uuid4())
    token = client.get("/csrf-token", params={"client": caller}).raise_for_status().json()["token"]
    client.headers.update({"Prefect-Csrf-Client": caller, "Prefect-Csrf-Token": token})
    return client
