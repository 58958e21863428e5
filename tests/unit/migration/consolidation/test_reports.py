import io
import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import msgspec
import pytest
from rich.console import Console

from migration.consolidation.auditing import audit
from migration.consolidation.inventory import Inventory
from migration.consolidation.report.document import as_document, has_findings
from migration.consolidation.report.layout import lay_out
from migration.consolidation.report.sarif import as_sarif
from migration.consolidation.report.svg import as_svg
from migration.consolidation.report.tables import print_tables

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def nothing(audit_tree) -> Inventory:
    return audit_tree({"pkg/engine.py": ""})


class TestDocument:
    def test_it_has_exactly_the_shape_that_is_promised(self, inventory):
        document = as_document(inventory, 1.23456)
        assert set(document) == {"files", "seconds", "implementations", "modules", "consumer_files", "similarity"}
        assert set(document["implementations"][0]) == {"path", "name", "lines", "role", "reason"}
        assert set(document["modules"][0]) == {"module", "import_statements", "import_files", "string_references", "commented_out"}
        assert set(document["similarity"][0]) == {"a", "b", "ratio"}
        assert document["seconds"] == 1.235

    def test_it_compares_every_two_implementations_that_have_code(self, inventory):
        with_code = [item for item in inventory.implementations if item.role != "re-export"]
        assert len(as_document(inventory, 0.0)["similarity"]) == len(with_code) * (len(with_code) - 1) / 2

    def test_a_tree_with_the_target_alone_has_no_findings(self, nothing):
        assert not has_findings(nothing)

    @pytest.mark.parametrize(
        "files",
        [
            {},  # the legacy engine
            {"pkg/engine.py": "", "pkg/a.py": "from pkg.gone import ExecutionEngine"},
            {"pkg/engine.py": "", "pkg/a.py": "from pkg.user_engine import UserExecutionEngine\nx = UserExecutionEngine()"},
        ],
        ids=["an implementation that has to go", "a broken import", "a call that cannot work"],
    )
    def test_what_has_to_be_done_is_a_finding(self, audit_tree, files):
        assert has_findings(audit_tree(files))


class TestSarif:
    def test_it_is_a_log_of_version_2_1_0_with_one_run(self, inventory):
        log = as_sarif(inventory)
        assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
        assert log["$schema"].endswith("sarif-schema-2.1.0.json")

    def test_every_result_names_its_rule_a_file_of_the_tree_and_a_line_of_it(self, inventory, project):
        run = as_sarif(inventory)["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        assert len(run["results"]) > 100
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert rules[result["ruleIndex"]]["defaultConfiguration"]["level"] == result["level"]
            (location,) = result["locations"]
            physical = location["physicalLocation"]
            file = project / physical["artifactLocation"]["uri"]
            assert 1 <= physical["region"]["startLine"] <= len(file.read_bytes().splitlines())
            assert result["message"]["text"].endswith(".")

    def test_it_says_everything_that_cannot_work_as_an_error(self, inventory, expected):
        errors = [result for result in as_sarif(inventory)["runs"][0]["results"] if result["level"] == "error"]
        assert len(errors) == len(expected["broken_imports"]) + len(expected["misfits"])

    def test_files_that_could_not_be_read_are_notifications(self, inventory, expected):
        (invocation,) = as_sarif(inventory)["runs"][0]["invocations"]
        assert len(invocation["toolExecutionNotifications"]) == len(expected["problems"])

    def test_the_target_and_its_factory_are_nothing_to_tell(self, inventory):
        results = as_sarif(inventory)["runs"][0]["results"]
        told = [
            result for result in results if result["ruleId"].startswith("legacy") and "user_execution_engine" in result["message"]["text"]
        ]
        assert told == []

    def test_a_result_keeps_its_fingerprint_when_code_moves(self, audit_tree):
        text = "from pkg.engine import ExecutionEngine\nx = 1\n"
        before, after = (as_sarif(audit_tree({"pkg/a.py": lines + text}))["runs"][0]["results"] for lines in ("", "\n\n"))
        assert [item["partialFingerprints"] for item in before] == [item["partialFingerprints"] for item in after]
        assert before != after

    def test_a_path_is_a_uri(self, audit_tree):
        inventory = audit_tree({"pkg/a b#ü.py": "from pkg.engine import ExecutionEngine\nx = 1\n"})
        uris = {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in as_sarif(inventory)["runs"][0]["results"]
        }
        assert "pkg/a%20b%23%C3%BC.py" in uris


class TestGraph:
    def test_it_has_a_box_for_every_implementation_and_every_folder_of_consumers(self, inventory):
        graph = lay_out(inventory)
        roles = [node.role for node in graph.nodes]
        assert len(inventory.implementations) == sum(role not in {"consumer", "way"} for role in roles)
        assert "depot/consumers/" in {node.title for node in graph.nodes}

    def test_every_line_goes_from_one_layer_to_the_next(self, inventory):
        graph = lay_out(inventory)
        layers = {node.key: node.layer for node in graph.nodes}
        assert graph.edges
        assert all(layers[edge.end] - layers[edge.start] == 1 for edge in graph.edges)

    def test_no_two_boxes_have_one_place(self, inventory):
        graph = lay_out(inventory)
        places = [(node.layer, node.place) for node in graph.nodes]
        assert len(set(places)) == len(places)

    def test_all_references_arrive(self, inventory):
        """The lines into an implementation count what the audit counts, but for references from places that a circle cuts."""
        graph = lay_out(inventory)
        for counts in inventory.counts:
            arriving = sum(edge.count for edge in graph.edges if edge.end == counts.module)
            assert arriving == counts.import_statements + sum(string.module == counts.module for string in inventory.strings)

    def test_many_small_folders_are_one_box(self, audit_tree):
        inventory = audit_tree({f"folder{number}/a.py": "from pkg.engine import ExecutionEngine\nx = 1\n" for number in range(40)})
        titles = [node.title for node in lay_out(inventory).nodes if node.role == "consumer"]
        assert (len(titles), "16 other folders" in titles) == (25, True)

    def test_implementations_that_import_each_other_in_a_circle_are_drawn(self, audit_tree):
        files = {
            "pkg/a.py": "from pkg.b import BExecutionEngine\nclass AExecutionEngine: ...",
            "pkg/b.py": "from pkg.a import AExecutionEngine\nclass BExecutionEngine: ...",
        }
        graph = lay_out(audit_tree(files))
        layers = {node.key: node.layer for node in graph.nodes}
        assert {"pkg.a", "pkg.b"} <= set(layers)
        assert all(layers[edge.end] - layers[edge.start] == 1 for edge in graph.edges)


class TestSvg:
    def test_it_is_well_formed_and_needs_nothing_from_elsewhere(self, inventory):
        text = as_svg(lay_out(inventory), "Who uses what")
        root = ET.fromstring(text)  # noqa: S314 - written by the code under test
        assert root.tag == f"{SVG}svg"
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert not root.findall(f".//{SVG}script")

    def test_names_cannot_break_out_of_it(self, audit_tree):
        inventory = audit_tree({'a<b>&"c/x.py': "from pkg.engine import ExecutionEngine\nx = 1\n"})
        root = ET.fromstring(as_svg(lay_out(inventory), '<&">'))  # noqa: S314 - written by the code under test
        assert 'a<b>&"c/' in {text.text for text in root.iter(f"{SVG}text")}

    def test_boxes_of_a_column_do_not_overlap_and_lie_inside_of_the_drawing(self, inventory):
        root = ET.fromstring(as_svg(lay_out(inventory), "x"))  # noqa: S314 - written by the code under test
        boxes = sorted(
            (float(box.get("x")), float(box.get("y")), float(box.get("height")))
            for box in root.iter(f"{SVG}rect")
            if box.get("class") == "box"
        )
        assert all(other[1] >= one[1] + one[2] for one, other in pairwise(boxes) if one[0] == other[0])
        assert all(y >= 0 and y + height <= float(root.get("height")) for _, y, height in boxes)

    def test_an_empty_tree_can_be_drawn(self, tmp_path):
        ET.fromstring(as_svg(lay_out(audit(tmp_path)), "x"))  # noqa: S314 - written by the code under test


class TestTables:
    @pytest.mark.parametrize("width", [80, 200])
    def test_paths_are_never_cut(self, inventory, width):
        output = io.StringIO()
        print_tables(inventory, 1.0, Console(file=output, width=width))
        assert "…" not in output.getvalue()

    def test_every_section_that_has_something_is_there(self, inventory):
        output = io.StringIO()
        print_tables(inventory, 1.0, Console(file=output, width=200))
        for title in (
            "9 implementations",
            "Broken imports",
            "Calls that do not fit",
            "Code that implementations",
            "State that",
        ):
            assert title in output.getvalue()

    def test_a_tree_with_nothing_to_tell_has_one_table(self, nothing):
        output = io.StringIO()
        print_tables(nothing, 1.0, Console(file=output, width=200))
        assert "1 implementations" in output.getvalue()
        assert "Imports" not in output.getvalue()


def test_an_inventory_is_json_and_back(inventory):
    encoded = msgspec.json.encode(inventory)
    assert json.loads(encoded)["files"] == inventory.files
    assert msgspec.json.decode(encoded, type=Inventory) == inventory
