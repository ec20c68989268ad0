"""Read and write files; a written file appears only when it is complete.

recordings   `open_recording`: films, stacks and folders of images as a `FrameSource`; HDF5 of nta is written
tracks       tracks of other programs, read and written
results      an analysis without loss in HDF5, as tables, and its numbers as JSON
vendors      exports of other programs, read as printed
atomic       files and folders that appear only when complete
text         text in any encoding
"""
