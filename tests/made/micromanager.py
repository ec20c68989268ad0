"""Recordings in the layouts of Micro-Manager: images with `metadata.txt` of 1.4 and 2.0, stacks of 2.0, NDTiff 2 and 3."""

import json
import struct

import tifffile

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def said_of(k, **other):
    """Return what Micro-Manager says of frame `k` of a camera at 20 Hz, in values as 1.4 mixes them: text and numbers."""
    words = {
        "Camera": "",
        "Core-Camera": "Andor",
        "Andor-CameraName": "DU897",
        "Andor-Exposure": "20.0000",
        "Binning": "2x2",
        "BitDepth": 14,
        "ElapsedTime-ms": 100 + 50.0 * k,
        "Exposure-ms": 20,
        "PixelSizeUm": 0.32,
        "ScopeDataKeys": ["Andor-CameraName", "Andor-Exposure"],
        "UserData": {"note": {"type": "STRING", "scalar": "a } brace"}},
    }
    return words | other


SUMMARY = {
    "Channels": 1,
    "ChNames": ["Default"],
    "Frames": 1000,
    "Interval_ms": 0,
    "MicroManagerVersion": "2.0.1",
    "PixelSize_um": 0.32,
    "StartTime": "2021-08-04 15:20:29.123 -0700",
    "UserName": "anna",
}


def write_images(folder, frames, generation, *, said=said_of):
    """Write an image a file, and the members of `metadata.txt` in their order; return the path of that file."""
    folder.mkdir()
    members = [("Summary", SUMMARY)]
    for k, image in enumerate(frames):
        if generation == "1.4":
            name = f"img_{k:09d}_Default_000.tif"
            members.append((f"FrameKey-{k}-0-0", said(k) | {"FileName": name}))
        else:
            name = f"img_channel000_position000_time{k:09d}_z000.tif"
            place = {"channel": 0, "position": 0, "time": k, "z": 0}
            members.append((f"Coords-Default/{name}", place))
            members.append((f"Metadata-Default/{name}", said(k)))
        tifffile.imwrite(folder / name, image, photometric="minisblack")
    text = ",\n".join(f'"{key}": {json.dumps(words, indent=2)}' for key, words in members)
    path = folder / "metadata.txt"
    path.write_text("{\n" + text + "\n}\n")
    return path


def write_stack(path, frames, *, finished=True, said=said_of, spare=1 << 16):
    """Write a stack: before the images the summary and an index, after the last their descriptions, once it is finished.

    Until then the file is longer than its content, and the last directory points to where the next one would begin.
    """
    count, height, width = frames.shape
    depth, room = 8 * frames.dtype.itemsize, count + 8
    summary = json.dumps(SUMMARY).encode()
    head = struct.pack("<2sHI", b"II", 42, 48 + len(summary) + 20 * room)
    head += struct.pack("<8I", 54773648, 40 + len(summary), 0, 0, 0, 0, 2355492, len(summary)) + summary
    index, out = len(head), bytearray(head + struct.pack("<II", 3453623, room) + bytes(20 * room))
    first = len(out)
    for k, image in enumerate(frames):
        struct.pack_into("<5I", out, index + 8 + 20 * k, 0, 0, k, 0, len(out))
        words = json.dumps(said(k)).encode() + b"\0"
        text = [(270, 2, 0, 0)] * 2 if k == 0 else []
        imagej = [(50838, 4, 0, 0), (50839, 1, 0, 0)] if k == 0 else []
        pixels = len(out) + 2 + 12 * (13 + len(text + imagej)) + 4
        scale = pixels + image.nbytes
        entries = [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, depth),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
        ]
        entries += [
            *text,
            (273, 4, 1, pixels),
            (277, 3, 1, 1),
            (278, 3, 1, height),
            (279, 4, 1, image.nbytes),
        ]
        entries += [(282, 5, 1, scale), (283, 5, 1, scale + 8), (296, 3, 1, 3), *imagej]
        entries.append((51123, 2, len(words), scale + 16))
        following = 0 if finished and k == count - 1 else scale + 16 + len(words)
        out += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        out += struct.pack("<I", following) + image.tobytes() + struct.pack("<4I", 31250, 1, 31250, 1) + words
    if not finished:
        path.write_bytes(bytes(out) + bytes(spare))
        return path
    sizes = struct.pack("<II", 12, 2)
    descriptions = (
        _ome(path.name, frames).encode(),
        f"ImageJ=1.48v\nimages={count}\nframes={count}\n".encode(),
    )
    later = [(5 + k, text + b"\0") for k, text in enumerate(descriptions)]
    later += [(14, sizes), (15, b"IJIJofni\1\0\0\0{\0")]
    for number, data in later:
        count_of = len(data) // 4 if number == 14 else len(data)
        struct.pack_into("<II", out, first + 2 + 12 * number + 4, count_of, len(out))
        out += data
    path.write_bytes(out)
    return path


def _ome(name, frames):
    count, height, width = frames.shape
    planes = "".join(
        f'<TiffData FirstC="0" FirstT="{k}" FirstZ="0" IFD="{k}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:1</UUID>'
        "</TiffData>"
        for k in range(count)
    ) + "".join(
        f'<Plane TheC="0" TheT="{k}" TheZ="0" DeltaT="{100 + 50 * k}.0" DeltaTUnit="ms" ExposureTime="20.0" '
        'ExposureTimeUnit="ms"/>'
        for k in range(count)
    )
    size = f'SizeX="{width}" SizeY="{height}" SizeZ="1" SizeC="1" SizeT="{count}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{OME}" UUID="urn:uuid:1"><Image ID="Image:0" Name="run">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" {size} PhysicalSizeX="0.32" PhysicalSizeY="0.32">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )


def said_in_a_burst(k, **other):
    """Return what the acquisition engine of Pycro-Manager says of frame `k`: the elapsed time is that of the first."""
    words = {
        "Axes": {"time": k},
        "BitDepth": 12,
        "Core-Camera": "Camera",
        "Camera-CameraName": "DemoCamera",
        "ElapsedTime-ms": 0,
        "Exposure": 10,
        "PixelSizeUm": 0.32,
        "Time": "2023-02-18 18:21:40 -",
        "TimeReceivedByCore": f"2023-02-18 18:21:40.{20_000 + 10_250 * k:06d}",
    }
    return words | other


def write_ndtiff(folder, frames, *, version=3, parts=1, said=said_in_a_burst):
    """Write the files of NDTiff as ndstorage 0.1.18 does, in as many parts, and return the first; the index is left out."""
    folder.mkdir()
    count, height, width = frames.shape
    summary = json.dumps({"DateAndTime": "2023/02/18 18:21:40", "PixelSize_um": 0.32}).encode()
    marks = (483729, 3, 3) if version == 3 else (483729, 2)
    head = 8 + 4 * len(marks) + 8
    names = ["run_NDTiffStack.tif", *(f"run_NDTiffStack_{k}.tif" for k in range(1, parts))]
    for number, name in enumerate(names):
        out = bytearray(head) + summary
        out += bytes(len(out) % 2)
        struct.pack_into("<2sHI", out, 0, b"II", 42, len(out))
        struct.pack_into(f"<{len(marks) + 2}I", out, 8, *marks, 2355492, len(summary))
        here = range(number * count // parts, (number + 1) * count // parts)
        for k in here:
            words = json.dumps(said(k)).encode()
            scale = len(out) + 2 + 12 * 13 + 4
            pixels, size = scale + 16, frames[k].nbytes
            following = pixels + size + len(words)
            entries = [
                (256, 4, 1, width),
                (257, 4, 1, height),
                (258, 3, 1, 16),
                (259, 3, 1, 1),
                (262, 3, 1, 1),
            ]
            entries += [(273, 4, 1, pixels), (277, 3, 1, 1), (278, 3, 1, height), (279, 4, 1, size)]
            entries += [(282, 5, 1, scale), (283, 5, 1, scale + 8), (296, 3, 1, 3)]
            entries.append((51123, 2, len(words), pixels + size))
            out += struct.pack("<H", 13) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
            out += struct.pack("<I", 0 if k == here[-1] else following + following % 2)
            out += struct.pack("<4I", 1, 1, 1, 1) + frames[k].tobytes() + words + bytes(following % 2)
        (folder / name).write_bytes(out)
    return folder / names[0]
