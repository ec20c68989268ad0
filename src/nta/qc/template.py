"""The commented specification that ``nta check --init`` writes."""

TEMPLATE = """\
# What a result must be. Take out what you do not need; limits are yours to set, none here comes from a standard.
# Check with:  nta check results/ --spec spec.toml
#
# A limit is { at_least = ..., at_most = ... }, one of the two or both, and is judged on the interval of what was measured:
#   pass          all of the interval lies within
#   fail          all of the interval lies beyond a limit
#   inconclusive  the interval holds a limit, or there is none
# Where your procedure judges on the number alone, add on = "value". Say where a limit comes from with source = "...".

name = "release of the vesicle lot"
confidence = 0.95              # least confidence of an interval that is believed

[size]                         # d10_nm, d50_nm, any percentile (d05_nm, d99_nm), mean_nm, mode_nm, sd_nm, geometric_sd, span
d50_nm = { at_least = 80, at_most = 130 }
d90_nm = { at_most = 220 }
span = { at_most = 1.5 }

[[window]]                     # as many as you like
low_nm = 30
high_nm = 150
share = { at_least = 0.6 }

[[window]]
low_nm = 300
high_nm = 2000
share = { at_most = 0.02 }

[concentration]                # of the sample (dilution applied) or as it was in the cell
in_sample_per_ml = { at_least = 1e10 }
# in_cell_per_ml = { at_least = 1e7, at_most = 1e9 }

[tracks]                       # that entered the distribution, in every result
at_least = 1000

# [replicates]                 # with this section, all results given are taken as replicates of one sample
# at_least = 5
# d50_nm_cv = { at_most = 0.05 }        # few replicates know a CV badly: 5 know it to a factor of 2.9
# concentration_cv = { at_most = 0.20 }

# [blank]                      # the diluent alone, same settings; or nta check --blank RESULT
# result = "blank/"
# share = { at_most = 0.05 }   # particles in the cell, of those of the sample

# [beads]                      # certified beads of the same day; or nta check --beads RESULT; else the result itself
# result = "beads/"
# certificate = "my_beads_100nm"
# bias = { at_least = -0.05, at_most = 0.05 }

# [detection_limit]            # diameter at which half of the particles are found
# at_most = 60

# [drift]                      # um/s, mean over the recording
# at_most = 5

[recording]                    # worst finding on the recording that is allowed: pass, warn or fail
at_worst = "warn"              # take out for exports of other programs, which judge no recording

# [reference]                  # equivalence with a reference lot; or nta check --reference RESULT
# result = ["reference_1/", "reference_2/", "reference_3/"]
# d50_ratio = { at_least = 0.9, at_most = 1.11 }
# concentration_ratio = { at_least = 0.5, at_most = 2 }
# distance = { at_most = 0.10 } # between the cumulative distributions over ln d: 0.10 is 10 % in size on average
"""
