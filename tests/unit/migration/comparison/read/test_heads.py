"""A head is read by types that come from the policy; where a rule reaches into the envelope, there is none."""

import pytest

from migration.comparison.policy import parse_policy
from migration.comparison.read.heads import HeadReader
from tests.unit.migration.comparison.streams import POLICY, REQUEST


def reader(more=""):
    return HeadReader(parse_policy(POLICY + more, "shop.toml"))


def test_frames_are_compared_by_their_body_and_the_texts_that_are_neither_masked_nor_names(frame):
    heads = reader()
    assert heads.content(heads.read(frame(at=1.0))) == heads.content(heads.read(frame(at=2.0, tenant="other")))
    assert heads.content(heads.read(frame("said"))) != heads.content(heads.read(frame("thought")))


@pytest.mark.parametrize(
    "rule",
    [
        'paths = ["type"]\naction = "mask"\nkinds = ["said"]',
        'paths = ["payload"]\naction = "mask"',
        'paths = ["user_id"]\naction = "rename"',
    ],
)
def test_a_rule_about_the_envelope_itself_means_that_frames_are_decoded_whole(rule):
    assert reader(f'[[rules]]\nid = "x"\nreason = "y"\n{rule}\n').read is None


def test_a_number_that_is_not_masked_means_that_frames_are_decoded_whole():
    assert HeadReader(parse_policy(POLICY.replace('"at", ', ""), "shop.toml")).read is None


def test_a_rule_about_effects_leaves_heads_as_they_are():
    rule = '[[rules]]\nid = "x"\nreason = "y"\naction = "mask"\nkinds = ["effect:model"]\npaths = ["type"]\n'
    assert reader(rule).read is not None


def test_the_owner_of_a_frame_is_known_by_its_names_alone(frame):
    heads = reader()
    own = heads.owner(heads.expected(REQUEST))
    assert (heads.named(frame()) == own, heads.named(frame(tenant="other")) == own) == (True, False)
