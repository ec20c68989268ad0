"""A signal in the middle of a recording."""

import signal

from nta.io.recordings import RecordingWriter


def raise_after(monkeypatch, n_frames, number):
    """Let this process receive the signal when a recording holds as many frames."""
    write = RecordingWriter.write

    def signalled(writer, frame):
        write(writer, frame)
        if writer.frames_written == n_frames:
            signal.raise_signal(number)

    monkeypatch.setattr(RecordingWriter, "write", signalled)
