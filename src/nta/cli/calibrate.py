"""`nta calibrate`: make a dated instrument profile from a run of certified beads."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from nta.assessment import Assessment, Verdict
from nta.beads import BeadRun, CalibrationError, calibrated_profile, measure_beads
from nta.calibration import BeadCertificate, InstrumentProfile, load_certificate, profile_toml
from nta.cli import EXIT_OK
from nta.cli.analyze import analyze_recording, asked_of, handling_of
from nta.cli.arguments import chosen_profile, refuse_existing, with_refractive_index
from nta.cli.progress import say
from nta.errors import MissingInputError, SettingError
from nta.io.atomic import new_file
from nta.pipeline import Analysis
from nta.quantity import fixed
from nta.report import summary_text


def run(options: argparse.Namespace) -> int:
    """Analyse the beads, compare them with their certificate and write the profile."""
    certificate, base = _certificate_and_base(options)
    analysis = _analysed(options, certificate)
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


def _certificate_and_base(options: argparse.Namespace) -> tuple[BeadCertificate, InstrumentProfile]:
    """Return the certificate, with a refractive index, and the profile to start from; refuse wrong options."""
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
    return replace(certificate, refractive_index=index), base


def _analysed(options: argparse.Namespace, certificate: BeadCertificate) -> Analysis:
    """Analyse the recording as one of these beads; the results stay beside the profile as its evidence."""
    request, handling = asked_of(options), handling_of(options, force=options.force)
    about = replace(handling.about, kind="beads", standard=certificate.name, lot=certificate.lot)
    settings = with_refractive_index(request.settings, certificate.refractive_index)
    return analyze_recording(
        options.recording,
        options.output.with_suffix(""),
        replace(request, settings=settings, kind="beads", standard=options.certificate),
        replace(handling, about=about),
    )


def _what_speaks_against(beads: BeadRun, assessment: Assessment) -> list[str]:
    """Return the reasons against a profile; size alone does not decide, since with few tracks it agrees too easily."""
    against = [] if beads.agrees else ["the beads are not the size of their certificate"]
    failed = [finding.title for finding in assessment.findings if finding.verdict is Verdict.FAIL]
    return [*against, f"its own assessment fails this run ({', '.join(failed)})"] if failed else against


def _words(beads: BeadRun, profile: InstrumentProfile) -> str:
    """Return the findings about the beads, the most important first."""
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
    """Return the deviation of the beads from their certified diameter, with its uncertainty."""
    bias = 100 * (beads.size_ratio - 1)
    lines = [
        f"{beads.certificate.name}: {fixed(bias, 1, signed=True)} % of the certified diameter, "
        f"{'within' if beads.agrees else 'BEYOND'} twice the standard uncertainty of {100 * beads.size_ratio_std:.1f} %",
    ]
    if not beads.agrees:
        lines.append(
            f"  check temperature and frame rate; a pixel size {beads.pixel_size_factor:.3f} times as large would explain it"
        )
    return "\n".join(lines)
