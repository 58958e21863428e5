"""An import whose failure is looked at stays: it is a question about a module, and another module would be another question."""

import pytest

IMPORT = "from shop.legacy import ExecutionEngine"


@pytest.mark.parametrize(
    "text",
    [
        f"try:\n    {IMPORT}\nexcept ImportError:\n    pass",
        f"try:\n    {IMPORT}\n    HAS = True\nexcept ImportError:\n    HAS = False\nx = ExecutionEngine",
        f"try:\n    {IMPORT}\nexcept (ValueError, ModuleNotFoundError):\n    raise SystemExit",
        f"try:\n    {IMPORT}\nexcept:\n    x = 1",
        f"try:\n    {IMPORT}\nexcept ImportError:\n    ExecutionEngine = None",
        f"try:\n    {IMPORT}\nexcept ImportError:\n    x = 1\nelse:\n    x = ExecutionEngine.LIMIT",
        f"import pytest\ndef test_it():\n    with pytest.raises(ImportError):\n        {IMPORT}",
        f"from contextlib import suppress\nwith suppress(ImportError):\n    {IMPORT}",
        f"import pytest\n@pytest.mark.xfail(raises=ImportError)\ndef test_it():\n    {IMPORT}",
    ],
)
def test_it_is_refused_with_its_reason(rewrite, text):
    done = rewrite(text + "\ndef f(): ...\n")
    assert done.is_left
    assert any("the failure of this import is looked at" in advice for advice in done.advice)


@pytest.mark.parametrize("handler", ["ValueError", "KeyError"])
def test_another_error_is_not_a_question_about_the_module(rewrite, handler):
    assert not rewrite(f"try:\n    {IMPORT}\nexcept {handler}:\n    pass\ndef f(): ...\n").is_left
