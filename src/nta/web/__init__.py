"""The live page in a browser: preview, recording and report of one instrument.

`session` is the instrument with its states, independent of a browser; `look` holds what session and page exchange. `view`
holds the newest frames, `picture` encodes them, `stream` sends them to browsers; `charts`, `runs`, `fields` and `page` are
visible. NiceGUI is imported only in `page`, `fields`, `stream` and `serve`, and this package only by `nta serve`.
Nothing is measured or judged here.
"""
