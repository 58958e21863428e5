"""Server-sent events, as the format wants them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.api.run_answers import event


@given(
    st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.booleans()
)
def test_whatever_json_goes_in_comes_out_again(value: object, spread: bool) -> None:
    encoded = event("run_result", json.dumps(value, indent=2 if spread else None).encode()).decode()
    assert encoded.endswith("\n\n")
    assert "\n\n" not in encoded[:-2]
    kind, *lines = encoded.strip("\n").split("\n")
    assert (kind, json.loads("\n".join(line.removeprefix("data: ") for line in lines))) == ("event: run_result", value)
