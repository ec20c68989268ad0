"""Files and nothing but files: what is read becomes one of our nouns, what is written appears whole or not at all.

recordings   `open_recording`: films, stacks and folders of images as a `FrameSource`; our own HDF5 written
tracks       tracks of other programs, read and written
results      an analysis kept without loss, as tables and as one JSON of its numbers
vendors      exports of other programs, read as printed
atomic       files and folders that appear when they are whole
text         text of whatever encoding
"""
