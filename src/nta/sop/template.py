"""The commented procedure that ``nta sop init`` writes."""

TEMPLATE = """\
# A protocol of measurement (SOP). Carry it out with:  nta run --sop this_file.toml -o results/today
# Every number has its unit in its name. What you leave out stays as the instrument has it. Unknown keys are refused.

name = "Vesicles, 5 videos of 60 s"
operator = ""
comment = ""

[device]
driver = "simulated"            # see `nta drivers`
settings = { scenario = "ev_lognormal", seed = "new" }   # of the driver, as with --set; { port = "/dev/ttyUSB0" }
profile = "simulated"           # calibration/instruments/<name>.toml, or a path: needed for a concentration
exposure_ms = 15
frame_rate_hz = 30
laser_mw = 50                   # leave out what the instrument does not have
temperature_c = 25.0            # of the thermostat
temperature_within_c = 0.2      # a video begins when the cell is so near to it ...
temperature_wait_s = 600        # ... or fails after so long

[sample]
name = "donor 1"
medium = "pbs"                  # calibration/media; with what was measured: viscosity_mpas = 0.95
dilution = 200                  # factor: 200 for 1:200
# temperature_c = 25.0          # only where no thermostat measures it; it goes before the measured one

[measurement]
settle_s = 10                   # rest before every video
videos = 5                      # at every position, or after every pump step
duration_s = 60                 # of one video
# positions_um = [-10, 0, 10]   # of the focus
# pump_steps = 3                # instead of positions: fresh sample so many times ...
# pump_ul_min = 5               # ... pumped in at this rate ...
# pump_s = 20                   # ... for so long
# flow_ul_min = 0               # of the pump during the videos

# Controls come first: beads, then the blank, then the sample. You are asked to load each; --yes does not wait.

[beads]                         # their bias becomes a finding of every video
certificate = "example_polystyrene_100nm"   # calibration/beads/<name>.toml, or a path
medium = "water"
videos = 1
duration_s = 30
settings = { scenario = "polystyrene_100nm" }   # the simulator needs to be told; a real cell is loaded by you

[blank]                         # the diluent alone: its concentration is subtracted
videos = 1
duration_s = 30
settings = { scenario = "blank" }

# [analysis]
# settings = "analysis.toml"    # analysis settings, beside this file
"""
