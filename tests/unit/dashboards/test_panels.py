"""Every panel can be read and acted on by somebody who has just been woken up."""

from collections import Counter
from itertools import pairwise

import pytest

from dashboards import build

COLUMNS = 24
NAMES = [name.removesuffix(".json") for name in build.BOARDS]


def test_each_panel_says_what_it_shows_in_which_unit_and_what_is_bad(panels):
    silent = [
        where
        for where, panel in panels
        if not (
            panel["title"]
            and len(panel["description"]) > 20
            and panel["fieldConfig"]["defaults"]["unit"]
            and panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        )
    ]

    assert silent == []


def test_thresholds_begin_at_minus_infinity_and_rise(panels):
    wrong = []
    for where, panel in panels:
        first, *others = (step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"])
        if first is not None or any(low >= high for low, high in pairwise(others)):
            wrong.append(where)

    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_within_a_dashboard(boards, name):
    ids = Counter(panel["id"] for panel in boards[name]["panels"])

    assert [id_ for id_, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_width_and_never_overlap(boards, name):
    cells: Counter[tuple[int, int]] = Counter()
    tops = set()
    for panel in boards[name]["panels"]:
        place = panel["gridPos"]
        tops.add(place["y"])
        cells.update((place["x"] + column, place["y"] + row) for column in range(place["w"]) for row in range(place["h"]))

    assert max(cells.values()) == 1
    assert {sum(1 for column, row in cells if row == top) for top in tops} == {COLUMNS}


def test_titles_are_unique_within_a_dashboard(panels):
    titles = Counter(where for where, _ in panels)

    assert [where for where, count in titles.items() if count > 1] == []


def test_every_panel_and_query_asks_the_chosen_prometheus(panels):
    sources = {panel["datasource"]["uid"] for _, panel in panels} | {
        target["datasource"]["uid"] for _, panel in panels for target in panel["targets"]
    }

    assert sources == {"${datasource}"}


@pytest.mark.parametrize("name", NAMES)
def test_each_dashboard_has_its_variables(boards, name):
    variables = {"datasource", "surface"} | ({"tenant"} if name in {"divergence", "tenant"} else set())
    assert {variable["name"] for variable in boards[name]["templating"]["list"]} == variables


def test_nothing_is_green_when_it_is_not_known(boards):
    green = []
    for name, board in boards.items():
        for panel in board["panels"]:
            if panel["type"] == "stat":
                unknown = [one for one in panel["fieldConfig"]["defaults"]["mappings"] if one["type"] == "special"]
                if [one["options"]["match"] for one in unknown] != ["null+nan"]:
                    green.append(f"{name}/{panel['title']}")

    assert green == []


def test_each_link_leads_to_a_dashboard_that_exists(boards):
    uids = {board["uid"] for board in boards.values()}
    links = [link["url"] for board in boards.values() for panel in board["panels"] for link in panel.get("links", [])]
    linked = {link.split("/d/")[1].split("?")[0] for link in links}

    assert linked
    assert linked <= uids
