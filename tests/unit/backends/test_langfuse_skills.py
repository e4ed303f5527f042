"""Skills on Langfuse, experimental: by the SDK's own models, and plain words where a server has none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from langfuse_server import PUBLIC, SECRET, Fault, LangfuseServer, Seen
from langfuse_skill_store import SkillShelf
from langfuse_store import BROKEN, Answer

from catalog_tool.backends.langfuse import LangfuseBackend
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import skill_address
from catalog_tool.model.target import FAILED, Write
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.samples import FIRST, Sample, desired_of, put_skill
from catalog_tool.sync.conformance.store import LEASE, RUN, done, live
from catalog_tool.sync.plan import PlanOptions

from .langfuse_work import EDITED, FILES, OPTIONS, opened, sdk, session

PDF = skill_address("pdf")


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        server.skills = SkillShelf()
        yield server


@pytest.fixture
def backend(server: LangfuseServer) -> Iterator[LangfuseBackend]:
    with closing(opened(server)) as backend:
        backend.take_lease(LEASE)
        yield backend


def states(server: LangfuseServer, sample: Sample) -> dict[str, str]:
    with closing(opened(server)) as fresh:
        return {
            item.address: item.state.value for item in compare(desired_of(sample), fresh.load(), fresh.scan()).observed
        }


def test_it_comes_back_with_the_same_digest_modes_and_bytes(server: LangfuseServer, backend: LangfuseBackend) -> None:
    put = put_skill(files=FILES)
    done(backend, put)
    with closing(opened(server)) as fresh:
        assert live(fresh)[PDF].entry == put.entry
        assert live(fresh)[PDF].marker == put.marker
        assert dict(fresh.contents(PDF)) == {
            path: ("100755" if path.endswith(".sh") else "100644", data) for path, data in FILES.items()
        }
    done(backend, put)
    assert server.skills is not None
    assert list(server.skills.skills["pdf"]) == [1], "the same again makes no version"


def test_a_new_version_takes_the_label_and_sends_only_what_is_new(
    server: LangfuseServer, backend: LangfuseBackend
) -> None:
    first = put_skill(files=FILES)
    second = put_skill(files=EDITED, seen=first.entry)
    done(backend, first, second)
    posted = [seen.body for seen in server.seen if seen.method == "POST" and "skills" in seen.path]
    assert [sorted(key for file in body["files"] for key in file if key != "path") for body in posted] == [
        ["content"] * 3, ["content", "sha256Hash", "sha256Hash"],
    ]  # fmt: skip
    for body in posted:
        model = sdk("unstable.skills.types").CreateSkillVersionRequest
        assert sdk("core.pydantic_utilities").parse_obj_as(model, body).files
    with httpx.Client() as client:
        api = sdk("client").LangfuseAPI(base_url=server.url, username=PUBLIC, password=SECRET, httpx_client=client)
        served = api.unstable.skills.get("pdf")
        assert (served.version, served.labels) == (2, ["production", "latest"])
    assert live(backend)[PDF].entry == second.entry
    done(backend, Write(PDF, second.entry))
    assert live(backend) == {}


def test_edits_are_named_as_of_prompts(server: LangfuseServer) -> None:
    sample = FIRST._replace(skills={"pdf": FILES})
    with closing(opened(server)) as backend:
        assert sync_target(session(backend), desired_of(sample), OPTIONS).status == "done"
    shelf = server.skills
    assert shelf is not None
    assert states(server, sample) == {}
    texts = [{"path": path, "content": data.decode()} for path, data in EDITED.items()]
    shelf.answer("POST", [], {}, {"files": texts})
    assert states(server, sample) == {}, "a version that nobody is served is nobody's business"
    shelf.answer("PATCH", ["pdf", "versions", "2"], {}, {"labels": ["production"]})
    assert states(server, sample) == {PDF: "drifted"}
    with closing(opened(server)) as backend:
        [found] = compare(desired_of(sample), backend.load(), backend.scan()).observed
        told = PlanOptions(overwrite={PDF: found.live or ""})
        assert sync_target(session(backend), desired_of(sample), told).status == "done"
    assert states(server, sample) == {}
    del shelf.skills["pdf"]
    assert states(server, sample) == {PDF: "missing"}


@pytest.mark.parametrize("names", [[], ["pdf"], None])
def test_a_list_without_an_end_has_one(server: LangfuseServer, names: list[str] | None) -> None:
    """It promises more and gives nothing, the same, or new ones for ever."""

    def fault(seen: Seen) -> Fault | None:
        if not seen.path.endswith("/skills"):
            return None
        page = int(seen.query["page"])
        data = [{"name": name} for name in ([f"s{page}"] if names is None else names)]
        return Fault(Answer(200, {"data": data, "meta": {"totalPages": 10**9}}))

    server.fault = fault
    with closing(opened(server)) as backend, pytest.raises(BackendError, match=r"changed|pages"):
        list(backend.scan())


def test_a_lost_answer_makes_no_second_version(server: LangfuseServer, backend: LangfuseBackend) -> None:
    def fault(seen: Seen) -> Fault | None:
        if seen.method != "POST" or "skills" not in seen.path:
            return None
        server.fault = lambda _: None
        return Fault(BROKEN, effect=True)

    server.fault = fault
    done(backend, put_skill(files=FILES))
    assert server.skills is not None
    assert list(server.skills.skills["pdf"]) == [1]


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "x.bin": b"\xff\xfe"},
        {**FILES, "x": b"a\0b"},
        {"SKILL.md": b"---\nname: other\n---\n"},
        {"SKILL.md": b"x"},
    ],
)
def test_what_cannot_be_kept_is_never_sent(
    server: LangfuseServer, backend: LangfuseBackend, files: dict[str, bytes]
) -> None:
    [found] = backend.write([put_skill(files=files)], RUN)
    assert (found.outcome, bool(found.message)) == (FAILED, True)
    assert server.skills is not None
    assert server.skills.skills == {}


def test_a_server_without_skills_says_so_and_keeps_the_prompts(server: LangfuseServer) -> None:
    """As 4.16.0 answers: a page of HTML with status 404."""
    server.skills = None
    sample = FIRST._replace(skills={"pdf": FILES})
    with closing(opened(server)) as backend:
        result = sync_target(session(backend), desired_of(sample), OPTIONS)
        assert result.status == "partial"
        [failed] = [action for action in result.actions if action.outcome == "failed"]
        assert failed.object == PDF
        assert "no skills API" in str(failed.reason)
        assert "skills: false" in str(failed.reason)
        assert len(live(backend)) == 6


def test_a_server_that_lost_its_skills_is_unknown(server: LangfuseServer, backend: LangfuseBackend) -> None:
    done(backend, put_skill(files=FILES))
    server.skills = None
    with pytest.raises(BackendError, match="is gone"):
        live(backend)
