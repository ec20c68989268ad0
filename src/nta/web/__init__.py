"""The live page in a browser: preview, recording and report of one instrument.

`session` is the instrument with its states and knows of no browser; `look` is what goes between it and a page. `view` holds
the newest frames, `picture` makes them pictures, `stream` sends them to whoever asks; `charts`, `runs`, `fields` and `page`
are what is seen. NiceGUI is imported in `page`, `fields`, `stream` and `serve` alone, and the room by `nta serve` alone.
Nothing is measured or judged here.
"""
