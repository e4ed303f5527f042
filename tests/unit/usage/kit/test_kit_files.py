"""The kit's files: what the stack's programs say of them, what they open to the world, and what they let through."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog_tool.errors import UsageError
from catalog_tool.usage.agent_telemetry import ACTIVATED, RESULT
from catalog_tool.usage.kit.files import KitFile, kit_files, listing_files
from catalog_tool.usage.kit.folder import read_manifest, write_kit
from catalog_tool.usage.kit.series import FOLDED

from .promtool import ENTRIES, run

FILES = {file.path: file.text for file in kit_files(ENTRIES, 30)}


def read(path: str) -> Any:
    return yaml.safe_load(FILES[path])


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    write_kit(tmp_path, kit_files(ENTRIES, 30), 30, overwrite=False)
    return tmp_path


class TestProgramsTakeThem:
    def test_prometheus(self, kit: Path) -> None:
        assert "3 rule files found" in run("promtool", "check", "config", str(kit / "prometheus/prometheus.yml"))

    def test_alertmanager(self, kit: Path) -> None:
        run("amtool", "check-config", str(kit / "alertmanager/alertmanager.yml"))

    def test_a_shell(self, kit: Path) -> None:
        script = "set -eua; . ./.env.example; set +a; env"
        done = subprocess.run(
            ["sh", "-c", script], cwd=kit, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
        )
        variables = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
        assert variables["CLAUDE_CODE_ENABLE_TELEMETRY"] == variables["OTEL_LOG_TOOL_DETAILS"] == "1"
        assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://localhost:4317"
        assert "OTEL_LOG_USER_PROMPTS" not in variables


class TestCompose:
    services: dict[str, Any] = read("compose.yaml")["services"]

    def test_four_services_and_alertmanager_as_a_profile(self) -> None:
        always = [name for name, service in self.services.items() if "profiles" not in service]
        assert sorted(always) == ["collector", "grafana", "loki", "prometheus"]
        assert self.services["alertmanager"]["profiles"] == ["alerts"]

    def test_every_image_is_pinned_by_version_and_digest(self) -> None:
        for service in self.services.values():
            assert re.fullmatch(r"[a-z]+/[a-z-]+:v?[0-9]+\.[0-9]+\.[0-9]+@sha256:[0-9a-f]{64}", service["image"])

    def test_nothing_but_the_collector_can_leave_loopback_and_only_when_told(self) -> None:
        ports = {name: service["ports"] for name, service in self.services.items()}
        assert ports == {
            "collector": [f"${{CATALOG_OTLP_BIND:-127.0.0.1}}:{port}:{port}" for port in (4317, 4318)],
            "loki": ["127.0.0.1:3100:3100"],
            "prometheus": ["127.0.0.1:9090:9090"],
            "grafana": ["127.0.0.1:3001:3000"],
            "alertmanager": ["127.0.0.1:9093:9093"],
        }

    def test_every_file_that_is_mounted_is_written(self) -> None:
        for service in self.services.values():
            for volume in service["volumes"]:
                source = volume.partition(":")[0]
                named = source in read("compose.yaml")["volumes"]
                assert named or any(path.startswith(source.removeprefix("./")) for path in FILES), source

    def test_what_is_mounted_cannot_be_written_to(self) -> None:
        mounted = [
            volume for service in self.services.values() for volume in service["volumes"] if volume.startswith("./")
        ]
        assert all(volume.endswith(":ro") for volume in mounted)


class TestCollector:
    config: dict[str, Any] = read("collector/config.yaml")

    def test_every_part_of_a_pipeline_is_there_and_every_part_is_used(self) -> None:
        pipelines = self.config["service"]["pipelines"]
        for kind in ("receivers", "processors", "exporters"):
            used = {name for pipeline in pipelines.values() for name in pipeline[kind]}
            assert used - set(self.config["connectors"]) == set(self.config[kind])
        assert pipelines["logs"]["exporters"][-1:] == pipelines["metrics/skills"]["receivers"] == ["count/skills"]

    def test_events_that_stay_and_attributes_that_stay(self) -> None:
        (condition,) = self.config["processors"]["filter/events"]["logs"]["log_record"]
        assert re.findall(r'!= "([a-z_]+)"', condition) == [ACTIVATED, RESULT, "tool_result"]
        statements = [
            text
            for group in self.config["processors"]["transform/least"]["log_statements"]
            for text in group["statements"]
        ]
        kept = set(re.findall(r'"([a-z_.]+)"', next(text for text in statements if "session.id" in text)))
        assert {
            "session.id",
            "tool_name",
            "success",
            "duration_ms",
            "error_type",
            "skill.name",
            "skill.outcome",
        } <= kept
        assert (
            not {"user.email", "user.account_uuid", "tool_parameters", "tool_input", "prompt", "error.message"} & kept
        )

    def test_addresses_of_people_leave_counters_too(self) -> None:
        texts = str(self.config["processors"]["transform/least"]["metric_statements"])
        assert 'delete_key(attributes, "user.email")' in texts
        assert "session.id" not in texts

    def test_applications_keep_what_tells_their_instances_apart(self) -> None:
        groups = self.config["processors"]["transform/least"]["metric_statements"]
        (statement,) = next(group["statements"] for group in groups if group["context"] == "resource")
        assert statement.endswith('where IsMatch(attributes["service.name"], "^claude-code")')

    def test_a_session_that_pauses_is_not_forgotten(self) -> None:
        assert self.config["exporters"]["prometheus"]["metric_expiration"] == "24h"
        assert self.config["processors"]["deltatocumulative"]["max_stale"] == "24h"

    def test_counters_have_the_names_that_rules_ask_for(self) -> None:
        counted = {f"{name.replace('.', '_')}_total" for name in self.config["connectors"]["count/skills"]["logs"]}
        renamed = {
            item["replacement"]
            for item in read("prometheus/prometheus.yml")["scrape_configs"][0]["metric_relabel_configs"]
            if "replacement" in item
        }
        assert {counter for counter, _ in FOLDED.values()} == counted | (renamed - {"${1}_total"})


def test_stores_keep_longer_than_usage_looks_back() -> None:
    assert read("loki/config.yaml")["limits_config"]["retention_period"] == f"{100 * 24}h"
    assert "--storage.tsdb.retention.time=100d" in read("compose.yaml")["services"]["prometheus"]["command"]


def test_grafana_provisions_what_the_dashboard_asks_for() -> None:
    sources = {
        source["uid"]: source["type"] for source in read("grafana/provisioning/datasources/catalog.yaml")["datasources"]
    }
    assert sources == {
        "catalog-prometheus": "prometheus", "catalog-loki": "loki", "catalog-listing": "grafana-testdata-datasource",
    }  # fmt: skip


class TestFolder:
    def test_written_twice_nothing_changes(self, kit: Path) -> None:
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in kit.rglob("*") if path.is_file()}
        again = write_kit(kit, kit_files(ENTRIES, 30), 30, overwrite=False)
        assert (again.created, again.updated, again.kept) == ([], [], [])
        assert sorted(again.unchanged) == sorted(FILES)
        assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before

    def test_a_new_list_is_written_over_the_old_one(self, kit: Path) -> None:
        written = write_kit(kit, listing_files(ENTRIES[:1], 30), 30, overwrite=False)
        assert sorted(written.updated) == [
            "grafana/dashboards/skill-catalog-management.json",
            "prometheus/rules/catalog.yml",
        ]
        assert write_kit(kit, kit_files(ENTRIES[:1], 30), 30, overwrite=False).updated == []

    def test_what_people_changed_stays_until_it_may_go(self, kit: Path) -> None:
        mine = kit / "prometheus/rules/catalog.yml"
        mine.write_text("groups: []\n", encoding="utf-8")
        (kit / "compose.yaml").unlink()
        written = write_kit(kit, kit_files(ENTRIES, 30), 30, overwrite=False)
        assert (written.created, written.kept) == (["compose.yaml"], ["prometheus/rules/catalog.yml"])
        assert mine.read_text(encoding="utf-8") == "groups: []\n"
        assert write_kit(kit, kit_files(ENTRIES, 30), 30, overwrite=True).updated == ["prometheus/rules/catalog.yml"]
        assert mine.read_text(encoding="utf-8") == FILES["prometheus/rules/catalog.yml"]

    def test_a_file_that_was_there_before_is_nobodys_to_replace(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("mine\n", encoding="utf-8")
        assert write_kit(tmp_path, kit_files(ENTRIES, 30), 30, overwrite=False).kept == ["README.md"]
        assert write_kit(tmp_path, kit_files(ENTRIES, 30), 30, overwrite=False).kept == ["README.md"]

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_text("secret\n", encoding="utf-8")
        kit = tmp_path / "kit"
        kit.mkdir()
        (kit / "compose.yaml").symlink_to(outside / "secret")
        write_kit(kit, [KitFile("compose.yaml", "x\n")], 30, overwrite=True)
        assert (outside / "secret").read_text(encoding="utf-8") == "secret\n"
        (kit / "grafana").symlink_to(outside)
        with pytest.raises(UsageError, match="leads out"):
            write_kit(kit, [KitFile("grafana/x", "x\n"), KitFile("loki", "x\n")], 30, overwrite=True)
        assert not (kit / "loki").exists()

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"format": 2, "files": {}}', '{"format": 1, "files": [], "stale_days": 1}', "\xff"]
    )
    def test_a_list_that_is_none_is_said(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "kit.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(UsageError):
            read_manifest(tmp_path)
