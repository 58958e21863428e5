"""A lower bound of a share, from one count."""

from migration.extras import extra

with extra("rollout"):
    from scipy.stats import beta


def least_share(hits: int, trials: int, alpha: float) -> float:
    """Return a lower bound of the probability of a hit, which is too high with a chance of at most `alpha`.

    The bound is valid for one check, after a number of trials that was chosen beforehand. It is used where trials are cheap and are always
    the same experiment; bounds for repeated checks are in `rates` and `means`.

    Args:
        hits: 0 to trials.
        trials: 0 gives 0.
        alpha: between 0 and 1.

    Raises:
        ValueError: an argument is out of range.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """
    if not (0 <= hits <= trials and 0.0 < alpha < 1.0):
        raise ValueError(f"{hits} hits of {trials} trials at alpha {alpha}: hits must be 0 to trials, alpha between 0 and 1")
    return float(beta.ppf(alpha, hits, trials - hits + 1)) if hits else 0.0
