import pytest

from migration.consolidation.findings.similarity import compare, read_functions

ONE = b'''
class Engine:
    """Runs."""

    async def run(self, context):
        """Run one."""
        started = self.clock()
        result = await self.agent.execute(context, timeout=30.0)
        self.history.append(result)
        return Result(success=True, seconds=self.clock() - started, text="done")

    def short(self):
        return 1
'''
#: The same in another layout, with other comments, texts and numbers.
COPY = b"""
class Other:
    async def run(
        self, context
    ):
        # another comment
        started = self.clock()
        result = await self.agent.execute(context, timeout=5)
        self.history.append(result)
        return Result(success=True, seconds=self.clock() - started, text="finished")
"""
ELSE = b"""
def unlike(path):
    with open(path) as file:
        for line in file:
            print(line.strip().upper(), end="", flush=True)
"""


def _ratio(a: bytes, b: bytes) -> float:
    (found,) = compare({"a": read_functions(a), "b": read_functions(b)})
    return found.ratio


def test_a_copy_is_the_same_whatever_its_comments_layout_and_literals():
    (found,) = compare({"a": read_functions(ONE), "b": read_functions(COPY)})
    (match,) = found.functions
    assert (match.a, match.b) == ("Engine.run", "Other.run")
    assert match.tokens >= 0.95 * len(read_functions(COPY)[0].tokens)


def test_code_that_has_nothing_in_common_shares_nothing():
    assert _ratio(ONE, ELSE) == 0.0


def test_a_file_is_wholly_similar_to_itself():
    assert _ratio(ONE, ONE) == 1.0


@pytest.mark.parametrize("other", [COPY, ELSE, b""])
def test_similarity_does_not_depend_on_the_order(other):
    assert _ratio(ONE, other) == _ratio(other, ONE)


def test_two_copies_of_one_function_are_one_match():
    twice = COPY + COPY.replace(b"class Other", b"class Again")
    (found,) = compare({"a": read_functions(ONE), "b": read_functions(twice)})
    assert len(found.functions) == 1


def test_files_without_functions_share_nothing():
    assert _ratio(b"x = 1\n", b"x = 1\n") == 0.0
