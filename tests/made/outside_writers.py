"""Recordings as other programs write them, and the noisy frames that go in: each carries its number in its corner."""

import struct
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange

from nta.io.recordings import open_recording

HEIGHT, WIDTH = 36, 52  # no multiple of 16: rows of decoded planes are padded


def noisy_frames(count=24, depth=8, *, seed=3, shape=(HEIGHT, WIDTH)):
    """Return (count, height, width) frames of camera noise that use the whole depth."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 2**depth, (count, *shape), dtype=np.uint16)
    frames[:, 0, 0] = 2**depth - 1
    frames[:, 0, 1] = np.arange(count)
    return frames if depth > 8 else frames.astype(np.uint8)


def smooth_frames(count=24, shape=(48, 64)):
    """Return frames of a bright spot that moves by one pixel a frame: what a lossy codec keeps."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    spots = [np.exp(-((y - 20) ** 2 + (x - 16 - k) ** 2) / 18) for k in range(count)]
    return np.array([40 + 160 * spot for spot in spots]).astype(np.uint8)


def write_film(path, frames, codec, pix_fmt, rate=Fraction(30), *, stamps=None, time_base=None, **options):
    """Write a film with FFmpeg; `stamps` are the frames' time stamps in `time_base`."""
    source = {1: "gray", 2: "gray16le"}[frames.dtype.itemsize]
    if pix_fmt in ("gray12le", "gray10le"):
        source = pix_fmt
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        if time_base is not None:
            stream.codec_context.time_base = time_base
        for k, image in enumerate(frames):
            frame = _video_frame(image, source, pix_fmt)
            frame.pts = k if stamps is None else stamps[k]
            frame.time_base = time_base or 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _video_frame(image, source, pix_fmt):
    if image.ndim == 3:
        return av.VideoFrame.from_ndarray(image, format="rgb24")
    if pix_fmt.startswith("yuv"):  # the luma plane by hand: its range is stated, not converted
        full = pix_fmt.startswith("yuvj")
        frame = av.VideoFrame(image.shape[1], image.shape[0], pix_fmt)
        frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
        luma = image if full else np.rint(16 + image * (219 / 255)).astype(np.uint8)
        for plane, values in zip(frame.planes, (luma, None, None), strict=True):
            rows = np.full((plane.height, plane.line_size), 128, np.uint8)
            if values is not None:
                rows[:, : image.shape[1]] = values
            plane.update(rows.tobytes())
        return frame
    return av.VideoFrame.from_ndarray(image, format=source)


def palette_avi(frames, *, palette=None, rate=(30000, 1001), claimed=None, top_down=False):
    """Return the bytes of an 8-bit palette AVI as Video for Windows writes it: bottom-up rows padded to 4 bytes.

    The layout is Microsoft's "AVI RIFF File Reference"; no library at hand writes this kind.
    """
    count, height, width = frames.shape
    stride = (width + 3) // 4 * 4
    claimed = count if claimed is None else claimed
    if palette is None:
        palette = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    entries = np.zeros((256, 4), np.uint8)
    entries[:, :3] = palette[:, ::-1]  # blue, green, red, reserved
    rows = np.zeros((count, height, stride), np.uint8)
    rows[:, :, :width] = frames if top_down else frames[:, ::-1]
    main = struct.pack("<14I", 33367, 0, 0, 16, claimed, 0, 1, stride * height, width, height, 0, 0, 0, 0)
    stream = b"vidsDIB " + struct.pack(
        "<10I4H", 0, 0, 0, rate[1], rate[0], 0, claimed, 0, 0, 0, 0, 0, width, height
    )
    image = struct.pack(
        "<IiiHHIIiiII", 40, width, -height if top_down else height, 1, 8, 0, stride * height, 0, 0, 256, 0
    )
    lists = _chunk(b"strh", stream) + _chunk(b"strf", image + entries.tobytes())
    header = _list(b"hdrl", _chunk(b"avih", main) + _list(b"strl", lists))
    movie = _list(b"movi", b"".join(_chunk(b"00db", picture.tobytes()) for picture in rows))
    return b"RIFF" + struct.pack("<I", 4 + len(header) + len(movie)) + b"AVI " + header + movie


def _chunk(code, data):
    return code + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind, data):
    return b"LIST" + struct.pack("<I", 4 + len(data)) + kind + data


def norpix_seq(path, frames, times_ms, *, rate=0.0, block=None):
    """Write a Norpix `.seq` of version 3, whose times are whole milliseconds; `block` overrides the header's."""
    height, width = frames.shape[1:]
    size = width * height
    header = bytearray(1024)
    struct.pack_into("<I", header, 0, 0xFEED)
    struct.pack_into("<i", header, 28, 3)
    written = size + 6 if block is None else block
    struct.pack_into("<9I", header, 548, width, height, 8, 8, size, 100, len(frames), 0, written)
    struct.pack_into("<d", header, 584, rate)
    stamps = [struct.pack("<IH", 1_700_000_000 + ms // 1000, ms % 1000) for ms in times_ms]
    images = (image.tobytes() + stamp for image, stamp in zip(frames, stamps, strict=True))
    path.write_bytes(bytes(header) + b"".join(images))
    return path


def phantom_cine(path, frames, *, setup_bytes=1600, shutter_ns=0, rate=30, times_s=None):
    """Write a `.cine` of 8 bits; a SETUP record of fewer bytes than 1572 has no place for the exposure."""
    count, height, width = frames.shape
    setup = bytearray(1600)
    struct.pack_into("<H", setup, 142, setup_bytes)
    struct.pack_into("<I", setup, 768, rate)
    struct.pack_into("<I", setup, 1568, shutter_ns)
    times = b""
    if times_s is not None:
        times = b"".join(struct.pack("<Q", round(time * 2**32)) for time in times_s)
        times = struct.pack("<IHH", 8 + len(times), 1002, 0) + times
    table = 44 + 40 + setup_bytes + len(times)
    offsets = [table + 8 * count + k * (8 + width * height) for k in range(count)]
    head = struct.pack("<2sHHHiIiIIII", b"CI", 44, 0, 1, 0, count, 0, count, 44, 84, table).ljust(44, b"\0")
    bitmap = struct.pack("<IiiHH", 40, width, height, 1, 8).ljust(40, b"\0")
    images = (struct.pack("<II", 8, width * height) + image[::-1].tobytes() for image in frames)
    body = head + bitmap + setup[:setup_bytes] + times + struct.pack(f"<{count}Q", *offsets)
    path.write_bytes(body + b"".join(images))
    return path


def read_back(path, **said):
    """Return all images of a recording, its frames, and the recording, read to its end and closed."""
    with open_recording(path, **said) as recording:
        frames = list(recording.frames())
        return np.stack([frame.image for frame in frames]), frames, recording
