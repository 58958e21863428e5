"""Draw sentences at random, to read them one by one: `python tests/unit/migration/language/draw_sentences.py --seed 7`."""

import argparse
import random
import sys

from prose import sentences


def main() -> None:
    """Print the draw, one sentence on each line after its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same sentences from the same tree")
    parser.add_argument("--count", type=int, default=300, help="how many to draw")
    chosen = parser.parse_args()
    every = sorted(set(sentences()))
    for one in random.Random(chosen.seed).sample(every, chosen.count):  # noqa: S311 - to be repeated
        sys.stdout.write(f"{one.path}:{one.line}: {one.text}\n")


if __name__ == "__main__":
    main()
