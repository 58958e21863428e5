"""The effect journal: recording what a run asks of the outside, and replaying it to the other engine."""
