"""Ask a Prefect server directly, as its own client would: with the credential, and a token against forged requests."""

import os
import uuid

import httpx

TIMEOUT_S = 120.0


def prefect_api(url: str, credential: str | None = None) -> httpx.Client:
    """A client of the API at ``url``; ``credential`` is that of the test run's server when left out."""
    name, _, password = (credential or os.environ["PREFECT_API_AUTH_STRING"]).partition(":")
    client = httpx.Client(base_url=url, auth=(name, password), timeout=TIMEOUT_S)
    caller = str(uuid.uuid4())
    token = client.get("/csrf-token", params={"client": caller}).raise_for_status().json()["token"]
    client.headers.update({"Prefect-Csrf-Client": caller, "Prefect-Csrf-Token": token})
    return client
