"""`__all__` follows a renamed import if its names are visible; otherwise the file is left, because a star import of it would fail."""

import pytest

USE = "from shop.legacy import ExecutionEngine\nimport shop.api\ndef f(): ...\n"


@pytest.mark.parametrize(
    "text",
    [
        "NAMES = ['ExecutionEngine']\n__all__ = [n for n in NAMES]",
        "NAMES = ['ExecutionEngine']\n__all__ = NAMES",
        "NAMES = ['ExecutionEngine']\n__all__ = ['f', *NAMES]",
        "NAMES = ['ExecutionEngine']\n__all__: list[str] = sorted(NAMES)",
        "NAMES = ['ExecutionEngine']\n__all__ = ['f']\n__all__ += NAMES",
        "NAMES = ['ExecutionEngine']\n__all__ = ['f']\n__all__.extend(NAMES)",
        "NAMES = ['ExecutionEngine']\n__all__ = ['f']\nfor name in NAMES:\n    __all__.append(name)",
        "__all__ = [ExecutionEngine.__name__]",
        "__all__ = shop.api.names()",
    ],
)
def test_a_file_whose_all_is_computed_is_left(rewrite, text):
    done = rewrite(USE + text + "\n")
    assert done.is_left
    assert any("`__all__` is computed here" in advice for advice in done.advice)


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = ['f'] + shop.api.__all__",
        "__all__ = ['f', *shop.api.__all__]",
        "__all__ = ['f']\n__all__.extend(shop.api.__all__)",
        "__all__ = [n for n in globals() if not n.startswith('_')]",
        "NAMES = ['f']\nfor name in __all__ if '__all__' in globals() else ():\n    print(name)",
    ],
)
def test_names_of_other_modules_and_of_the_code_itself_hold_nothing_back(rewrite, text):
    assert not rewrite(USE + text + "\n").is_left
