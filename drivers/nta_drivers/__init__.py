"""Drivers of nta: devices and simulated devices, found by entry point."""
