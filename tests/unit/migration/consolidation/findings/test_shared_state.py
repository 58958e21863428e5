import pytest

from migration.consolidation.findings.shared_state import find_shared_state


def _found(text: str) -> list[tuple[str, str]]:
    return [(state.kind, state.name) for state in find_shared_state(text.encode(), "a.py")]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("runs = []", "module", "runs"),
        ("RUNS = {}\ndef f(k):\n    RUNS[k] = 1", "module", "RUNS"),
        ("RUNS = collections.defaultdict(list)\ndef f(k):\n    RUNS.pop(k)", "module", "RUNS"),
        ("TRACKER = Tracker()", "singleton", "TRACKER"),
        ("PERMITS = asyncio.Semaphore(10)", "singleton", "PERMITS"),
        ("engine = None\ndef get():\n    global engine\n    engine = 1", "singleton", "engine"),
        ("class A:\n    cache = {}", "class", "A.cache"),
        ("class A:\n    _one = None\n    def get(cls):\n        cls._one = 1", "singleton", "A._one"),
        ("@functools.cache\ndef f(user): ...", "cache", "f"),
        ("@lru_cache(maxsize=None)\ndef f(user): ...", "cache", "f"),
        ("class A:\n    def __init__(self):\n        self.x = []\n    def f(self):\n        self.x.append(1)", "unbounded", "A.x"),
        ("class A:\n    def __init__(self):\n        self.x: dict = {}\n    def f(self, k):\n        self.x[k] = 1", "unbounded", "A.x"),
        ("class A:\n    def __init__(self):\n        self.x = Counter()\n    def f(self, k):\n        self.x[k] += 1", "unbounded", "A.x"),
    ],
)
def test_state_that_requests_share_or_that_only_grows_is_found(text, kind, name):
    assert _found(text) == [(kind, name)]


@pytest.mark.parametrize(
    "text",
    [
        "NAMES = {'a': 1}",  # a table that nothing changes
        "names: Final = []",
        "logger = logging.getLogger(__name__)",
        "__all__ = ['a']",
        "T = TypeVar('T')",
        "@cache\ndef settings(): ...",  # no argument, one entry
        "class A:\n    def __init__(self):\n        self.x = deque(maxlen=3)\n    def f(self):\n        self.x.append(1)",
        "class A:\n    def __init__(self):\n        self.x = []\n    def f(self):\n        self.x.append(1)\n        self.x.clear()",
        "class A:\n    def __init__(self):\n        self.x = []\n    def f(self):\n        self.x.append(1)\n        self.x = self.x[-9:]",
        "class A:\n    def __init__(self):\n        self.x = {}\n    def f(self, k):\n        self.x[k] = 1\n        del self.x[k]",
        "class A:\n    def __init__(self):\n        self.x = Counter()\n    def f(self):\n        self.x['made'] += 1",  # one entry
        "class A:\n    def __init__(self):\n        self.x = []",
    ],
)
def test_what_is_constant_or_bounded_is_not(text):
    assert _found(text) == []
