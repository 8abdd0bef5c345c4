import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openSynced } from '../../synced-file.ts'

/*
 * The file of the pager. Every commit is synced before anybody is told that something was accepted. Times are milliseconds since the epoch.
 *
 * outbox       messages: `waiting` until `delivered`, `overtaken` by a later one of their group, or `handed-over` to a system that tells by itself
 * episodes     one firing of one alert, from its first notice to its end, and who answered it
 * told         which group of which channel speaks of which episode; `own` marks groups that no notice made
 * escalations  who is told when, unless somebody answers before
 * inbox        what the console was told
 */
const schema = `
CREATE TABLE IF NOT EXISTS outbox (
  number      INTEGER PRIMARY KEY,
  key         TEXT NOT NULL UNIQUE,
  channel     TEXT NOT NULL,
  dedup       TEXT NOT NULL,
  event       TEXT NOT NULL,
  status      TEXT NOT NULL,
  message     TEXT NOT NULL,
  accepted_ms INTEGER NOT NULL,
  due_ms      INTEGER NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0,
  unsure      INTEGER NOT NULL DEFAULT 0,
  state       TEXT NOT NULL DEFAULT 'waiting',
  reason      TEXT,
  reference   TEXT,
  settled_ms  INTEGER,
  passed_on   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_by_group ON outbox (channel, dedup, number);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (channel, due_ms) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_settled ON outbox (channel, settled_ms) WHERE state = 'delivered';
CREATE TABLE IF NOT EXISTS episodes (
  episode         TEXT PRIMARY KEY,
  severity        TEXT NOT NULL,
  alert           TEXT NOT NULL,
  told_ms         INTEGER NOT NULL,
  acknowledged_ms INTEGER,
  acknowledged_by TEXT,
  ended_ms        INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS told (
  channel TEXT NOT NULL,
  dedup   TEXT NOT NULL,
  episode TEXT NOT NULL,
  own     INTEGER NOT NULL,
  PRIMARY KEY (channel, dedup, episode)
) STRICT;
CREATE INDEX IF NOT EXISTS told_of_episode ON told (episode);
CREATE TABLE IF NOT EXISTS escalations (
  episode TEXT NOT NULL,
  step    TEXT NOT NULL,
  due_ms  INTEGER NOT NULL,
  done_ms INTEGER,
  PRIMARY KEY (episode, step)
) STRICT;
CREATE INDEX IF NOT EXISTS escalations_due ON escalations (due_ms) WHERE done_ms IS NULL;
CREATE TABLE IF NOT EXISTS inbox (
  key     TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  text    TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
`

export function openPagerFile(directory: string): DatabaseSync {
  return openSynced(join(directory, 'pager.db'), schema)
}
