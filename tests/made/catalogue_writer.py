"""What another process does with a catalogue; it imports as little as a process can that writes into one."""

from nta.catalogue import Catalogue


def write(url, said, who, start):
    """Record twelve analyses of one's own and one that both writers record."""
    start.wait()
    with Catalogue.open(url) as catalogue:
        for number in range(12):
            mine = {**said, "provenance": {**said["provenance"], "sha256": f"{who}{number}"}}
            catalogue.record(mine, operator=who)
        catalogue.record({**said, "provenance": {**said["provenance"], "sha256": "the same for both"}})
