"""Our resolver of names beside CPython's compiler, on 5,000 files of installed packages: no name is resolved in another way."""

from tests.migration.compiled_names import differences, real_files

FILES = 5_000


def test_the_compiler_resolves_every_name_in_the_same_way() -> None:
    files, compared = 0, 0
    for path, data in real_files(FILES, seed=1):
        count, wrong = differences(data)
        files, compared = files + 1, compared + count
        assert wrong == [], path
    assert (files, compared > 100 * FILES) == (FILES, True)
