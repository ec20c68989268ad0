"""Sizes: from diffusion estimates to the number distribution of diameter, with its uncertainty."""

from nta.sizes.draws import Draws
from nta.sizes.infer import size_distribution, track_sizes
from nta.sizes.likelihood import approximate_log_likelihood
from nta.sizes.replicates import Replicate, ReplicateSizes, combine_replicates
from nta.sizes.settings import SizingSettings
from nta.sizes.table import Distribution, SizeDistribution, Sweep, SweepPoint, TrackSizes

__all__ = [
    "Distribution",
    "Draws",
    "Replicate",
    "ReplicateSizes",
    "SizeDistribution",
    "SizingSettings",
    "Sweep",
    "SweepPoint",
    "TrackSizes",
    "approximate_log_likelihood",
    "combine_replicates",
    "size_distribution",
    "track_sizes",
]
