"""The commented study file that ``nta study init`` writes."""

TEMPLATE = """\
# A study: one or more test preparations compared with a reference that was handled less.
# Paths are taken from the folder of this file. What you do not know, leave out: it is never assumed.
# Check and judge it with:  nta assess study.toml -o report

title = "Does one freeze-thaw cycle touch our vesicles?"
operator = ""
# date = 2026-01-31            # of the measurement: yours
question = ""
orthogonal_methods = []        # e.g. ["cryo-EM", "nano flow cytometry"]
markers = []                   # e.g. ["CD9 (western blot)", "calnexin negative"]

[instrument]
name = ""
serial = ""
# profile = "my_instrument"    # calibration/instruments/my_instrument.toml
# laser_nm = 488
# filter = ""
# objective = ""
# chamber = ""                 # these, too, are taken from the profile where it has them
# camera = ""
# camera_settings = "level 14, gain 250"
# flow = "static"
# detection_limit_nm = 60      # diameter at which half of the intact vesicles are seen; leave out if not measured
# pixel_size_um = 0.25         # only where the recordings do not say it
# frame_rate_hz = 30
# exposure_ms = 15

[analysis]
# settings = "analysis.toml"   # nta analysis settings
limits = "integrity"           # margins and gates: a name in calibration/limits or a file of your own

[sample.donor_1]               # the material that is split between the arms; it pairs reference and test
source = "conditioned medium, cell line, passage"
# start_volume_ml = 50

[isolation.sec]
method = "size-exclusion chromatography"
column = ""
fractions = ""
# Others have: rotor = "", force_g = 100000, time_min = 70, temperature_c = 4, membrane_kda = 100, kit = "", kit_lot = "",
# steps = ["300 g 10 min", "2000 g 20 min"]

[storage.fresh]
buffer = "PBS, 0.1 um filtered"
tube = "low-binding"
temperature_c = 4
hours = 1
freeze_thaw_cycles = 0

[storage.frozen_once]
buffer = "PBS, 0.1 um filtered"
tube = "low-binding"
temperature_c = -80
hours = 72
freeze_thaw_cycles = 1

# One [[preparation]] per tube. recordings: videos, TIFF, HDF5, results.h5, or NanoSight and ZetaView exports.
# At least 5 videos per preparation; 3 preparations per arm for a statement on the process, not only on these tubes.

[[preparation]]
name = "donor 1 fresh"
arm = "reference"              # reference, test, detergent, blank, sham, beads
sample = "donor_1"
isolation = "sec"
storage = "fresh"
temperature_c = 25.0           # of the cell
medium = "pbs"
dilution = 200                 # factor: 200 for 1:200
volume_ml = 1.0                # of the whole preparation; recovery needs it
# protein_ug_per_ml = 12
# run = "2026-01-31"           # the same word for all tubes that were measured in one run
recordings = []                # e.g. ["fresh_1.h5", "fresh_2.h5", "fresh_3.h5", "fresh_4.h5", "fresh_5.h5"]

[[preparation]]
name = "donor 1 frozen"
arm = "test"
# group = "one cycle"          # several groups are judged one by one and shown side by side
sample = "donor_1"
isolation = "sec"
storage = "frozen_once"
temperature_c = 25.0
medium = "pbs"
dilution = 200
volume_ml = 1.0
# protein_ug_per_ml = 12
# run = "2026-01-31"
# sealed_ratio = 0.8           # lumen-dye over membrane-dye positive particles
# membrane_dye_share = 0.9
# zeta_mv = -12
recordings = []

# Controls. Each one you leave out lowers what may be said.

# [[preparation]]
# name = "frozen + Triton"
# arm = "detergent"
# of = "donor 1 frozen"        # the tube that was split
# temperature_c = 25.0
# dilution = 200
# recordings = []

# [[preparation]]
# name = "buffer"
# arm = "blank"                # the diluent by itself, same settings
# temperature_c = 25.0
# recordings = []
# with_detergent = false       # true for the blank of the detergent arm

# [[preparation]]
# name = "medium without cells, whole process"
# arm = "sham"
# temperature_c = 25.0
# dilution = 200
# volume_ml = 1.0
# recordings = []

# [[preparation]]
# name = "100 nm beads, before"
# arm = "beads"
# when = "before"              # and another one with "after"
# certificate = "my_beads_100nm"
# temperature_c = 25.0
# recordings = []              # three and more, before and after: their scatter tells what is no drift

# [dose]
# volumes_ml = [0.05, 0.1]     # particles and ug per dose are worked out
"""
