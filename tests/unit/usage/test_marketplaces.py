"""Plugins that a repository hands out itself: their hash and their names lead to its own skills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.source.git import Git
from catalog_tool.source.root import Place
from catalog_tool.usage.listed import ListedSkill
from catalog_tool.usage.marketplaces import MANIFEST, MOST, PluginId, plugin_ids
from catalog_tool.usage.plugin_hash import plugin_id_hash
from catalog_tool.usage.resolver import Resolver

from .made import ago, call, join, listed, skill, verdicts, write

DEPLOY = "plugins/ops/skills/deploy"


def offered(root: Path, market: Any, *skills: str, at: str = "") -> dict[str, tuple[PluginId, ...]]:
    """What a marketplace in folder ``at`` of a repository without git says of these skills."""
    path = root / at / MANIFEST
    path.parent.mkdir(parents=True)
    path.write_text(market if isinstance(market, str) else json.dumps(market), encoding="utf-8")
    return plugin_ids(Place(str(root), None, ""), skills or (DEPLOY,))


@pytest.mark.parametrize(
    ("market", "skill"),
    [
        ({"plugins": [{"name": "ops", "source": "./plugins/ops"}]}, DEPLOY),
        ({"plugins": [{"name": "ops", "source": "./plugins/ops/"}]}, DEPLOY),
        ({"metadata": {"pluginRoot": "./plugins"}, "plugins": [{"name": "ops", "source": "ops"}]}, DEPLOY),
        ({"metadata": {"pluginRoot": "./x"}, "plugins": [{"name": "ops", "source": "./plugins/ops"}]}, DEPLOY),
        ({"plugins": [{"name": "ops", "source": "./", "skills": ["./skills/pdf", "./skills/xlsx"]}]}, "skills/xlsx"),
        ({"plugins": [{"name": "ops", "source": "./", "skills": "./deep/er"}]}, "deep/er/pdf"),
        ({"plugins": [{"name": "ops", "source": "."}]}, "skills/pdf"),
        ({"plugins": [7, {"name": 7}, {"source": "./"}, {"name": "ops", "source": "./"}]}, "skills/pdf"),
    ],
)
def test_the_forms_of_an_entry(tmp_path: Path, market: dict[str, Any], skill: str) -> None:
    found = offered(tmp_path, {"name": "acme", **market}, skill, "elsewhere/skills/other")
    assert found == {skill: (PluginId("ops", "acme"),)}


@pytest.mark.parametrize(
    "market",
    [
        "", "{", "[]", "[" * 100_000, '{"name": "acme"}', {"plugins": [{"name": "ops", "source": "./plugins/ops"}]},
        {"name": "acme", "plugins": [{"name": "ops", "source": {"source": "github", "repo": "acme/ops"}}]},
        {"name": "acme", "plugins": [{"name": "ops", "source": "../plugins/ops"}]},
        {"name": "acme", "plugins": [{"name": "ops", "source": "/plugins/ops"}]},
        {"name": "acme", "plugins": [{"name": "ops", "source": "./", "skills": [7, "../../x", "skills/other"]}]},
    ],
)  # fmt: skip
def test_what_names_no_plugin_of_this_repository(tmp_path: Path, market: Any) -> None:
    assert offered(tmp_path, market) == {}


def test_a_marketplace_in_a_folder_and_one_that_claims_too_much(tmp_path: Path) -> None:
    many = [{"name": f"p{number}", "source": "./plugins/ops"} for number in range(2 * MOST)]
    assert len(offered(tmp_path, {"name": "acme", "plugins": many}, f"inner/{DEPLOY}", at="inner")) == 1
    assert len(plugin_ids(Place(str(tmp_path), None, ""), [f"inner/{DEPLOY}"])[f"inner/{DEPLOY}"]) == MOST
    assert plugin_ids(Place(str(tmp_path), None, ""), [DEPLOY]) == {}


@pytest.mark.parametrize("path", ["", "/", "../plugins/ops/skills/deploy", "a\0b/c", "a//b", "/plugins/x", "\ud800/x"])
def test_paths_that_no_catalog_has_are_not_followed(tmp_path: Path, path: str) -> None:
    assert offered(tmp_path / "inner", {"name": "acme", "plugins": [{"name": "ops", "source": "./"}]}, path) == {}


def test_a_catalog_below_the_top_of_its_repository(tmp_path: Path) -> None:
    market = {"name": "acme", "plugins": [{"name": "ops", "source": "./tools/plugins/ops"}]}
    offered(tmp_path, market)
    place = Place(str(tmp_path / "tools"), Git(str(tmp_path)), "tools/")
    assert plugin_ids(place, [DEPLOY]) == {DEPLOY: (PluginId("ops", "acme"),)}


def of_plugin(key: str, **fields: Any) -> ListedSkill:
    return skill(key, plugins=(PluginId("ops-tools", "Acme"),), **fields)


def test_a_hidden_name_is_opened_by_the_repositorys_own_marketplace(tmp_path: Path) -> None:
    hidden = call("third-party", ago(days=2), plugin_id_hash=plugin_id_hash("ops-tools", "acme"))
    made = [call("a", ago(days=80)), call("a", ago(days=1)), hidden]
    catalog = listed(skill("a"), of_plugin("ops:deploy"))
    result = join(catalog, write(tmp_path / "l", made))
    assert verdicts(result) == {"a": "active", "ops:deploy": "active"}
    assert result.coverage.hidden_calls == 0


def test_a_skill_goes_by_the_plugins_name_that_its_marketplace_gives() -> None:
    one, other = of_plugin("deploy"), skill("deploy", path="elsewhere/deploy")
    resolver = Resolver([one, other], {})
    assert (resolver.find("ops-tools:deploy"), len(resolver.find("deploy"))) == ([one], 2)
