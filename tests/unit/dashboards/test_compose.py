"""The compose file opens nothing to the network and has no password of its own."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3] / "dashboards"


@pytest.fixture
def services():
    return yaml.safe_load((ROOT / "compose.yml").read_text(encoding="utf-8"))["services"]


def test_grafana_does_not_start_without_a_chosen_admin_password(services):
    assert services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")


def test_all_servers_listen_on_loopback_only(services):
    assert "--web.listen-address=127.0.0.1:9093" in services["alertmanager"]["command"]
    assert "--cluster.listen-address=" in services["alertmanager"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert all("ports" not in service for service in services.values())


def test_images_are_pinned(services):
    assert all(":" in service["image"] and not service["image"].endswith(":latest") for service in services.values())


def test_the_folders_that_are_mounted_exist(services):
    sources = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}

    assert {source for source in sources if source.startswith(".") and not (ROOT / source).is_dir()} == set()


def test_grafana_reads_dashboards_where_they_are_mounted(services):
    provider = yaml.safe_load((ROOT / "provisioning/dashboards/netra.yml").read_text(encoding="utf-8"))["providers"][0]

    assert f"./grafana:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
