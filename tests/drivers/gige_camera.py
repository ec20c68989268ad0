"""A GigE Vision camera on the loopback network that shows given frames: libaravis' fake camera, another image in it.

To be run as a process: python gige_camera.py LIBRARY FRAMES.npy. Prints a line when it answers. Frames are
(n, height, width) of 8 or 16 bit, shown in turn for ever; any other size asked for stays black.
"""

import ctypes
import sys
import time

import numpy as np

ADDRESS = b"127.0.0.1"


def main(library: str, path: str) -> None:
    frames = np.load(path)
    aravis = ctypes.CDLL(library)
    pointer, fill_type = (
        ctypes.c_void_p,
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int),
    )
    for name, result, arguments in (
        ("arv_gv_fake_camera_new", pointer, [ctypes.c_char_p, ctypes.c_char_p]),
        ("arv_gv_fake_camera_is_running", ctypes.c_int, [pointer]),
        ("arv_gv_fake_camera_get_fake_camera", pointer, [pointer]),
        ("arv_fake_camera_set_fill_pattern", None, [pointer, fill_type, pointer]),
        ("arv_fake_camera_get_payload", ctypes.c_size_t, [pointer]),
        ("arv_buffer_get_data", pointer, [pointer, ctypes.POINTER(ctypes.c_size_t)]),
    ):
        function = getattr(aravis, name)
        function.restype, function.argtypes = result, arguments
    server = aravis.arv_gv_fake_camera_new(ADDRESS, b"NTA")
    fake = aravis.arv_gv_fake_camera_get_fake_camera(server)
    shown = 0

    @fill_type
    def fill(buffer, _exposure, _gain, _format):
        nonlocal shown
        frame = frames[shown % len(frames)]
        size = ctypes.c_size_t()
        data = aravis.arv_buffer_get_data(buffer, ctypes.byref(size))
        room = aravis.arv_fake_camera_get_payload(fake)  # the size that the buffer tells is 0 here
        if room == frame.nbytes:
            ctypes.memmove(data, frame.ctypes.data, room)
        else:
            ctypes.memset(data, 0, room)
        shown += 1

    aravis.arv_fake_camera_set_fill_pattern(fake, fill, None)
    print("answers" if aravis.arv_gv_fake_camera_is_running(server) else "the port is taken", flush=True)
    while True:
        time.sleep(1.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
