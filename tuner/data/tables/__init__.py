"""Readers of one file format each, from bytes nobody vouches for to an Arrow table of plain columns.

They run in the child process `tuner.data.ingest` and import nothing heavier than pyarrow.
"""
