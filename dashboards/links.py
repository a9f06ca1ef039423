"""Addresses of our own pages. Whatever goes into one is quoted, so data cannot lead anywhere else."""

from urllib.parse import quote, urlencode


def page_url(path: str, **query: str | int | None) -> str:
    """``path`` with the parameters that are given."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def documents_url(
    *,
    query: str = "",
    source: str | None = None,
    fate: str | None = None,
    rule: str | None = None,
    host: str | None = None,
    fails: str | None = None,
    stage: str | None = None,
    passed: str | None = None,
    offset: int = 0,
) -> str:
    """A search on the Documents page."""
    return page_url(
        "/documents",
        query=query,
        source=source,
        fate=fate,
        rule=rule,
        host=host,
        fails=fails,
        stage=stage,
        passed=passed,
        offset=offset if offset else None,
    )


def record_url(doc_id: str | None, record_uri: str) -> str:
    """The page of one record: by doc_id, or by its place in the crawl when it has none."""
    return f"/documents/{quote(doc_id, safe='')}" if doc_id else page_url("/why", question=record_uri)


def items_url(
    suite: str | None,
    checkpoint: str | None = None,
    convention: str | None = None,
    *,
    verdict: str | None = None,
    subset: str | None = None,
    seen: str | None = None,
    query: str = "",
    offset: int = 0,
) -> str:
    """The graded answers of a checkpoint to a suite."""
    return page_url(
        "/items",
        suite=suite,
        checkpoint=checkpoint,
        convention=convention,
        verdict=verdict,
        subset=subset,
        seen=seen,
        query=query,
        offset=offset if offset else None,
    )


def checkpoint_url(checkpoint: str) -> str:
    """The page of a checkpoint, by its digest."""
    return f"/checkpoints/{quote(checkpoint, safe='')}"
