"""The live page in a browser: preview, recording and report of one instrument.

`session` is the instrument with its states and knows of no browser; `view` holds the newest frames, `picture` makes them
pictures, `stream` sends them to whoever asks; `charts`, `runs` and `page` are what is seen. NiceGUI is imported in `page`,
`stream` and `serve` alone, and the room by `nta serve` alone. Nothing is measured or judged here.
"""
