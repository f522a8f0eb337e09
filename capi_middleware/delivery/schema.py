"""The tables of both stores, as migrations: one a version, never changed once released, only followed by others."""

from __future__ import annotations

_TABLES = """
CREATE TABLE event (
    number {bigint} PRIMARY KEY,
    pixel_id TEXT NOT NULL,
    event_name TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_time {bigint} NOT NULL,
    created {real} NOT NULL,
    state TEXT NOT NULL,
    browser {boolean} NOT NULL,
    settled {real} NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT NOT NULL,
    page TEXT NOT NULL,
    fbp TEXT NOT NULL,
    value INTEGER NOT NULL,
    evidence INTEGER NOT NULL DEFAULT 0,
    evidence_at {real} NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    code INTEGER NOT NULL DEFAULT 0,
    subcode INTEGER NOT NULL DEFAULT 0,
    trace TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX event_key ON event (event_id, event_name, pixel_id);
CREATE INDEX event_waiting ON event (pixel_id, number) WHERE state = 'waiting';
CREATE INDEX event_held ON event (number) WHERE state = 'held';
CREATE TABLE body (number {bigint} PRIMARY KEY, payload TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE orphan (
    pixel_id TEXT NOT NULL, event_id TEXT NOT NULL, event_name TEXT NOT NULL, evidence INTEGER NOT NULL,
    at {real} NOT NULL
);
CREATE TABLE count (
    hour {bigint} NOT NULL, pixel_id TEXT NOT NULL, event_name TEXT NOT NULL, what TEXT NOT NULL, n {bigint} NOT NULL,
    PRIMARY KEY (hour, pixel_id, event_name, what)
);
CREATE TABLE pixel (
    pixel_id TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, code INTEGER NOT NULL,
    subcode INTEGER NOT NULL, since {real} NOT NULL, next_at {real} NOT NULL, failures INTEGER NOT NULL,
    fingerprint TEXT NOT NULL
);
CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT NOT NULL);
"""

_LOOKED_FOR = """
CREATE INDEX event_named ON event (event_name, pixel_id, number) WHERE event_name <> 'PageView';
CREATE INDEX event_dead ON event (pixel_id, number) WHERE state = 'dead';
CREATE INDEX event_expired ON event (pixel_id, number) WHERE state = 'expired';
CREATE INDEX event_dropped ON event (pixel_id, number) WHERE state = 'dropped';
"""
"""What the admin page filters by, newest first. One a state, as SQLite takes a partial index for the very same words
only; they cost the events that end well nothing. Most events are page views, which are found without an index."""

SQLITE_MIGRATIONS = (_TABLES.format(bigint="INTEGER", real="REAL", boolean="INTEGER"), _LOOKED_FOR)
POSTGRESQL_MIGRATIONS = (
    _TABLES.format(bigint="BIGINT", real="DOUBLE PRECISION", boolean="BOOLEAN")
    + """
ALTER TABLE event ADD COLUMN claimed_by INTEGER NOT NULL DEFAULT 0;
CREATE SEQUENCE event_number OWNED BY event.number;
CREATE SEQUENCE session_number AS INTEGER CYCLE;
""",
    _LOOKED_FOR,
)
