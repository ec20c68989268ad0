"""The live page in a browser: preview, recording and report of one instrument.

`session` is the instrument with its states, independent of a browser; `look` holds what session and page exchange. `view`
holds the newest frames, `picture` encodes them, `stream` sends them to browsers. `page` is what is visible: made of
`order_fields`, `fields` and `run_list`, which are NiceGUI as `stream` and `serve` are, and of `charts` and `words`, which
are text. This package is imported only by `nta serve`.
Nothing is measured or judged here.
"""
