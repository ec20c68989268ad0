"""Diffusion: a coefficient per track with its interval, and tests of whether to trust it."""

from nta.diffusion.covariance import cve
from nta.diffusion.ensemble import EnsembleMotion, ensemble_motion
from nta.diffusion.estimate import estimate_diffusion
from nta.diffusion.likelihood import DiffusionLikelihood, diffusion_likelihood
from nta.diffusion.lines import LineDiffusion
from nta.diffusion.missing_frames import MissingFrames, missing_frames
from nta.diffusion.msd import MeanSquaredDisplacement, mean_squared_displacement
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.regression import gls, line_msd, ols, optimal_lags
from nta.diffusion.selection import Detection, Links
from nta.diffusion.settings import DiffusionSettings
from nta.diffusion.table import DiffusionEstimates, TrackFlag

__all__ = [
    "Detection",
    "DiffusionEstimates",
    "DiffusionLikelihood",
    "DiffusionSettings",
    "EnsembleMotion",
    "LineDiffusion",
    "Links",
    "MeanSquaredDisplacement",
    "MissingFrames",
    "NoiseModel",
    "TrackFlag",
    "cve",
    "diffusion_likelihood",
    "ensemble_motion",
    "estimate_diffusion",
    "gls",
    "line_msd",
    "mean_squared_displacement",
    "missing_frames",
    "ols",
    "optimal_lags",
]
