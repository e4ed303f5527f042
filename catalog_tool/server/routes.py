"""Every route of the service, once: method, path, what it needs, who answers. The router, the guard, the metrics,
the OpenAPI description and the tests are made from this list."""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.server import ofrep, pages, read_api, sync_api, write_api
from catalog_tool.server.access import Need
from catalog_tool.server.openapi import get_openapi
from catalog_tool.server.service import Handler


class Route(NamedTuple):
    """One route. ``path`` is Starlette's; ``name`` is unique, and its label in the metrics.

    ``is_page``: for people in a browser. A token may come as a password, and what goes wrong is told by a page.
    """

    name: str
    method: str
    path: str
    need: Need
    handler: Handler
    is_page: bool = False


_PROMPT = "/v1/prompts/{id:path}"
_PAGES: tuple[Route, ...] = (
    Route("page_prompts", "GET", "/", Need.READ, pages.get_prompts, is_page=True),
    Route("page_diff", "GET", "/ui/prompts/{id:path}/diff", Need.READ, pages.get_diff, is_page=True),
    Route("page_prompt", "GET", "/ui/prompts/{id:path}", Need.READ, pages.get_prompt_page, is_page=True),
    Route("page_skills", "GET", "/ui/skills", Need.READ, pages.get_skills, is_page=True),
    Route("page_skill", "GET", "/ui/skills/{name}", Need.READ, pages.get_skill_page, is_page=True),
)
ROUTES: tuple[Route, ...] = (
    Route("health", "GET", "/healthz", Need.NONE, read_api.get_health),
    Route("ready", "GET", "/readyz", Need.NONE, read_api.get_ready),
    Route("openapi", "GET", "/openapi.json", Need.NONE, get_openapi),
    Route("metrics", "GET", "/metrics", Need.METRICS, read_api.get_metrics),
    Route("bundle", "GET", "/v1/bundle", Need.READ, read_api.get_bundle),
    Route("events", "GET", "/v1/events", Need.READ, read_api.get_events),
    Route("prompts", "GET", "/v1/prompts", Need.READ, read_api.list_prompts),
    Route("version", "GET", f"{_PROMPT}/versions/{{version}}", Need.READ, read_api.get_version),
    Route("versions", "GET", f"{_PROMPT}/versions", Need.READ, read_api.get_versions),
    Route("publish", "POST", f"{_PROMPT}/versions", Need.WRITE, write_api.post_version),
    Route("labels", "GET", f"{_PROMPT}/labels", Need.READ, read_api.get_labels),
    Route("move", "PUT", f"{_PROMPT}/labels", Need.WRITE, write_api.put_labels),
    Route("prompt", "GET", _PROMPT, Need.READ, read_api.get_prompt),
    Route("skills", "GET", "/v1/skills", Need.READ, read_api.list_skills),
    Route("skill_file", "GET", "/v1/skills/{name}/files/{path:path}", Need.READ, read_api.get_skill_file),
    Route("skill", "GET", "/v1/skills/{name}", Need.READ, read_api.get_skill),
    Route("ofrep_flag", "POST", "/ofrep/v1/evaluate/flags/{key:path}", Need.READ, ofrep.evaluate),
    Route("ofrep_flags", "POST", "/ofrep/v1/evaluate/flags", Need.READ, ofrep.evaluate_all),
    Route("sync", "GET", "/v1/sync", Need.SYNC, sync_api.get_sync),
    Route("sync_state", "POST", "/v1/sync/state", Need.SYNC, sync_api.post_state),
    Route("sync_scan", "POST", "/v1/sync/scan", Need.SYNC, sync_api.post_scan),
    Route("sync_contents", "POST", "/v1/sync/contents", Need.SYNC, sync_api.post_contents),
    Route("sync_generations", "POST", "/v1/sync/generations", Need.SYNC, sync_api.post_generations),
    Route("sync_events", "POST", "/v1/sync/events", Need.SYNC, sync_api.post_events),
    Route("sync_lease", "POST", "/v1/sync/lease", Need.SYNC, sync_api.post_lease),
    Route("sync_drop", "POST", "/v1/sync/drop", Need.SYNC, sync_api.post_drop),
    Route("sync_control", "PUT", "/v1/sync/control", Need.SYNC, sync_api.put_control),
    Route("sync_write", "POST", "/v1/sync/write", Need.SYNC, sync_api.post_write),
    *_PAGES,
)
OTHER = "other"
"""The metrics' name for requests of no route."""
NAMES = (*(route.name for route in ROUTES), OTHER)
