"""How a catalogue came to its present schema: one file a step in `versions`, run by alembic within one transaction."""
