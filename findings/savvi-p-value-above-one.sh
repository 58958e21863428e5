#!/usr/bin/env bash
# savvi 0.3.1: the p-value of its sample-ratio test is 1 / odds as it stands now. A perfectly balanced stream gets a p-value of 10, and a stream that was
# rejected at 0.012 gets 2.5 after more data.
#
# Expected: an always-valid p-value is at most 1 and never rises (it is the running minimum of 1 / odds, capped at 1).
# Who is hurt: a gate that looks from time to time and compares the p-value with alpha forgets a rejection that it did not look at in time;
# whoever averages, corrects or plots p-values has numbers that are none.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q savvi==0.3.1 numpy==2.4.6 scipy==1.17.1 matplotlib pandas
"$work/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from savvi.multinomial import Multinomial

print("savvi", version("savvi"))
balanced = Multinomial(0.05, np.array([0.5, 0.5]))
for _ in range(50):
    balanced.update(np.array([100, 100]))
print("5,000 against 5,000 at 1:1, p =", round(balanced.calculate_p_value(), 3))
back = Multinomial(0.05, np.array([0.5, 0.5]))
back.update(np.array([160, 100]))
rejected = back.calculate_p_value()
back.update(np.array([100, 160]))
print("160 against 100, p =", round(rejected, 4), "; then 100 against 160 more, p =", round(back.calculate_p_value(), 4))
assert balanced.calculate_p_value() > 1, "the p-value is a probability now"
assert rejected < 0.05 < back.calculate_p_value(), "a rejection is kept now"
print("as found: above 1, and a rejection is taken back")
PYTHON
