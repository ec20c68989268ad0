"""Compiled passes over plain arrays; the files in `nta.tracks` that call them explain their purpose."""
