"""The REST API: the same answers the pages show, as JSON, and the way to hand in a checkpoint from a script."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import Match

from gristmill.core.errors import GristmillError
from gristmill.dashboards.services import Services
from gristmill.schemas.submission import StoredSubmission, Submission
from gristmill.warehouse import queries
from gristmill.warehouse.queries import boards, graded
from gristmill.warehouse.queries.compare import compare
from gristmill.warehouse.queries.comparison import Comparison
from gristmill.warehouse.queries.contamination import Seen
from gristmill.warehouse.queries.speed import SpeedMeasurement, speeds
from gristmill.warehouse.queries.trajectory import Trajectories, trajectories
from gristmill.warehouse.queries.why import Why, why

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
DocId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="32 hex digits")]
Limit = Annotated[int, Query(ge=1, le=1000, description="rows to give")]


def router(services: Services) -> APIRouter:
    """Every endpoint under ``/api``."""
    api = APIRouter(prefix="/api")
    warehouse = services.warehouse

    @api.get("/overview", tags=["pipeline"], summary="Totals, last runs, gates and best checkpoints")
    def overview() -> queries.Overview:
        return queries.overview(warehouse)

    @api.get("/funnel", tags=["data"], summary="Records kept and rejected by stage, rule and source")
    def funnel(
        source: Annotated[str | None, Query(description="one source; all when absent")] = None,
    ) -> queries.Funnel:
        return queries.funnel(warehouse, source)

    @api.get("/documents", tags=["data"], summary="Search the records")
    def documents(
        query: Annotated[
            str, Query(max_length=4096, description="part of the URL or of the record_uri, or the start of the doc_id")
        ] = "",
        source: Annotated[str | None, Query(description="name of the corpus")] = None,
        fate: Annotated[queries.Fate | None, Query(description="what became of the record")] = None,
        rule: Annotated[str | None, Query(description="first failed rule, or the reason for setting aside")] = None,
        host: Annotated[str | None, Query(description="host of the URL, in full")] = None,
        fails: Annotated[str | None, Query(description="a rule that the record failed, first or not")] = None,
        stage: Annotated[queries.StageName | None, Query(description="where the record was dropped")] = None,
        passed: Annotated[queries.StageName | None, Query(description="a stage that the record passed")] = None,
        limit: Limit = 50,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="rows to skip")] = 0,
    ) -> queries.Documents:
        return queries.documents(
            warehouse,
            query=query,
            source=source,
            fate=fate,
            rule=rule,
            host=host,
            fails=fails,
            stage=stage,
            passed=passed,
            limit=limit,
            offset=offset,
        )

    @api.get("/documents/{doc_id}", tags=["data"], summary="Everything about one document, with its text")
    def document(doc_id: DocId) -> Why:
        return _found(why(warehouse, doc_id))

    @api.get("/why", tags=["data"], summary="Why a page was kept or dropped")
    def why_url(
        url: Annotated[str, Query(max_length=65536, description="URL as the crawl wrote it, a doc_id or a record_uri")],
    ) -> Why:
        return _found(why(warehouse, url))

    @api.get("/checkpoints", tags=["models"], summary="Checkpoints of the training runs")
    def checkpoints() -> list[queries.Checkpoint]:
        return queries.checkpoints(warehouse)

    @api.get("/scores", tags=["models"], summary="Scores with their 95 % intervals")
    def scores(
        checkpoint: Annotated[str | None, Query(description="digest of the checkpoint, or its start")] = None,
        suite: Annotated[str | None, Query(description="name of the suite")] = None,
        limit: Limit = 1000,
    ) -> list[queries.Score]:
        return queries.scores(warehouse, checkpoint, suite, limit)

    @api.get("/leaderboard", tags=["models"], summary="Checkpoints of each suite by score, ranked where that is known")
    def leaderboard(
        area: Annotated[str | None, Query(description="area of the suites")] = None,
        suite: Annotated[str | None, Query(description="name of the suite")] = None,
        convention: Annotated[
            str, Query(description=f"how answers were graded; {boards.HEADLINES!r} or {boards.EVERY!r} for several")
        ] = boards.HEADLINES,
        checkpoint: Annotated[str, Query(max_length=4096, description="part of a label, or start of a digest")] = "",
        limit: Annotated[int, Query(ge=1, le=200, description="checkpoints of each suite")] = boards.TOP,
    ) -> list[boards.Board]:
        return boards.leaderboard(
            warehouse, area=area, suite=suite, convention=convention, checkpoint=checkpoint, top=limit
        )

    @api.get("/compare", tags=["models"], summary="Is checkpoint B better than checkpoint A, item by item")
    def comparison(
        a: Annotated[str, Query(max_length=4096, description="label or digest (its start) of an evaluated checkpoint")],
        b: Annotated[str, Query(max_length=4096, description="the checkpoint that may be better")],
        suite: Annotated[list[str] | None, Query(description="these suites only; Holm is over them")] = None,
        examples: Annotated[int, Query(ge=0, le=1000, description="items that differ, of each suite")] = 5,
    ) -> Comparison:
        try:
            return compare(warehouse, a, b, suite or (), examples=examples)
        except GristmillError as error:
            raise HTTPException(422, str(error)) from error

    @api.get("/items", tags=["models"], summary="What a checkpoint answered to the items of a suite, with grades")
    def items(
        suite: Annotated[str, Query(description="name of the suite")],
        checkpoint: Annotated[str, Query(description="digest of the checkpoint, all of it")],
        convention: Annotated[str, Query(description="how answers were graded")],
        verdict: Annotated[str | None, Query(description="answers of this verdict only")] = None,
        subset: Annotated[str | None, Query(description="items of this subject or domain only")] = None,
        seen: Annotated[Seen | None, Query(description="items that training text holds like this only")] = None,
        query: Annotated[
            str, Query(max_length=4096, description="part of the item, prompt, output, program, gold answer or reason")
        ] = "",
        limit: Limit = 20,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="answers to skip")] = 0,
    ) -> graded.GradedPage:
        return graded.graded(
            warehouse,
            suite,
            checkpoint,
            convention,
            verdict=verdict,
            subset=subset,
            seen=seen,
            query=query,
            limit=limit,
            offset=offset,
        )

    @api.get("/trajectories", tags=["models"], summary="Scores along every training run, with noise and signal")
    def lines() -> Trajectories:
        return trajectories(warehouse)

    @api.get("/speed", tags=["models"], summary="How fast served models answered, newest measurement first")
    def speed(
        model: Annotated[str | None, Query(description="name or label of the model")] = None,
    ) -> list[SpeedMeasurement]:
        return speeds(warehouse, model)

    @api.get("/gates", tags=["pipeline"], summary="Every expectation of every gate; failures first")
    def gates() -> list[queries.Expectation]:
        return queries.gates(warehouse)

    @api.get("/submissions", tags=["models"], summary="Checkpoints handed in, newest first")
    def submissions(limit: Limit = 200) -> list[StoredSubmission]:
        return services.state.submissions(limit)

    @api.post("/submissions", tags=["models"], summary="Hand in a checkpoint for evaluation", status_code=201)
    def submit(submission: Submission, request: Request) -> StoredSubmission:
        problems = services.intake.problems(submission)
        if problems:
            raise HTTPException(
                422, [{"type": "value_error", "loc": ["body", name], "msg": text} for name, text in problems.items()]
            )
        return services.submit(submission, f"API, {client(request)}")

    @api.api_route("/{path:path}", methods=METHODS, include_in_schema=False)
    def unknown(request: Request) -> None:
        """Last, for what no other route takes: else the pages would answer, and in HTML."""
        allowed = ", ".join(
            sorted(
                method
                for route in api.routes
                if isinstance(route, APIRoute) and route.matches(request.scope)[0] is Match.PARTIAL
                for method in route.methods or ()
            )
        )
        if allowed:
            told = f"{request.url.path} takes {allowed}, not {request.method}"
            raise HTTPException(405, told, headers={"allow": allowed})
        raise HTTPException(404, f"there is nothing at {request.url.path}; /docs lists every address")

    return api


async def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Where a request is wrong and why. What was sent is not repeated: it may be large, and not be JSON (NaN)."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": [{name: fault[name] for name in ("type", "loc", "msg")} for fault in faults]}, 422)


def client(request: Request) -> str:
    """The address a request came from."""
    return request.client.host if request.client else "unknown"


def _found(answer: Why) -> Why:
    """The answer, or 404 with its hint."""
    if not answer.records:
        raise HTTPException(404, answer.hint)
    return answer
