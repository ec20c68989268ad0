"""What is seen of a blank in which nothing was counted: an upper limit of the concentration, and no more."""

from nta.quantity import Quantity
from nta.visibility import Concentration, Visibility


def clean_blank(limit_per_ml):
    limit = Quantity(None, 0.0, limit_per_ml, "1/ml", "nothing was counted")
    found = Concentration(
        per_frame=Quantity(0.0, 0.0, 0.1, "1"), in_cell_per_ml=limit, in_sample_per_ml=limit, dilution=None
    )
    return Visibility(
        curve=None, law=None, limit_nm=limit, share_below_limit=None, volume=None, suspension=None,
        concentration=found, indices=None,
    )  # fmt: skip
