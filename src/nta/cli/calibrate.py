"""`nta calibrate`: a run of certified beads in, a dated instrument profile out."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from nta.assessment import Assessment, Verdict
from nta.beads import BeadRun, CalibrationError, calibrated_profile, measure_beads
from nta.calibration import InstrumentProfile, load_certificate, profile_toml
from nta.cli import EXIT_OK
from nta.cli.analyze import analyze_recording, asked_of
from nta.cli.arguments import chosen_profile, refuse_existing
from nta.cli.progress import say
from nta.errors import MissingInputError, SettingError
from nta.io.atomic import new_file
from nta.report import summary_text


def run(options: argparse.Namespace) -> int:
    """Analyse the beads, say what they say, write the profile."""
    certificate = load_certificate(options.certificate)
    base = chosen_profile(options)
    if base is None:
        raise MissingInputError(
            "give --profile: the wavelength, numerical aperture and light sheet of the instrument come from there"
        )
    if options.output.suffix != ".toml":
        raise SettingError(f"-o {options.output}: a profile is a .toml file")
    refuse_existing(options.output, force=options.force)
    if options.concentration is not None and not 0 < options.concentration < math.inf:
        raise SettingError(f"--concentration must be > 0 per ml, got {options.concentration:g}")
    index = certificate.refractive_index or options.refractive_index
    if index is None:
        raise MissingInputError(
            f"the certificate of {certificate.name} says no refractive_index, which the brightness scale needs: give "
            "--refractive-index"
        )
    options.refractive_index, certificate = index, replace(certificate, refractive_index=index)
    options.kind, options.standard, options.lot = "beads", certificate.name, certificate.lot
    analysis = analyze_recording(
        options.recording, options.output.with_suffix(""), asked_of(options), options
    )
    if not options.quiet:
        print(summary_text(analysis))
    beads = measure_beads(analysis, certificate, options.concentration)
    against = _what_speaks_against(beads, analysis.assessment)
    if against and not options.force:
        print(_check_of_size(beads))
        raise CalibrationError(
            f"no profile was written: {'; '.join(against)}; --force writes it all the same. "
            f"Evidence: {options.output.with_suffix('')}"
        )
    base = base.at_binning(analysis.camera.binning)
    profile = calibrated_profile(beads, base, options.name or options.output.stem)
    profile = replace(
        profile,
        width_px=analysis.camera.width_px,
        height_px=analysis.camera.height_px,
        bit_depth=analysis.camera.bit_depth,
    )
    with new_file(options.output) as partial:
        partial.write_text(profile_toml(profile), encoding="utf-8")
    if not options.quiet:
        print(_words(beads, profile))
    say(f"profile: {options.output}; evidence: {options.output.with_suffix('')}", quiet=options.quiet)
    return EXIT_OK


def _what_speaks_against(beads: BeadRun, assessment: Assessment) -> list[str]:
    """Return why no profile is to be made of a run: the fewer its tracks, the more easily its size alone agrees."""
    against = [] if beads.agrees else ["the beads are not the size of their certificate"]
    failed = [finding.title for finding in assessment.findings if finding.verdict is Verdict.FAIL]
    return [*against, f"its own assessment fails this run ({', '.join(failed)})"] if failed else against


def _words(beads: BeadRun, profile: InstrumentProfile) -> str:
    """Say what the beads said, in the order in which a person asks."""
    lines = [_check_of_size(beads)]
    if beads.certificate.is_example:
        lines.append(
            "  the certificate is an EXAMPLE: no such beads exist, the profile is for trying out only"
        )
    for name, number in beads.numbers.items():
        spread = "" if number.rel_std is None else f" ± {100 * number.rel_std:.1f} %"
        lines.append(f"  {name:26} {getattr(profile, name):.5g}{spread}   {number.evidence}")
    return "\n".join(lines)


def _check_of_size(beads: BeadRun) -> str:
    """Say how far the beads are off the diameter that their certificate states, and how well that is known."""
    bias = 100 * (beads.size_ratio - 1)
    lines = [
        f"{beads.certificate.name}: {bias:+.1f} % of the certified diameter, "
        f"{'within' if beads.agrees else 'BEYOND'} twice the standard uncertainty of {100 * beads.size_ratio_std:.1f} %",
    ]
    if not beads.agrees:
        lines.append(
            f"  check temperature and frame rate; a pixel size {beads.pixel_size_factor:.3f} times as large would explain it"
        )
    return "\n".join(lines)
