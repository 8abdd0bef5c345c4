import { z } from 'zod'
import { failure } from '../../errors.ts'
import type { EngineBackup } from '../engine.ts'
import type { Stanza } from './stanza.ts'

/* What `pgbackrest info --output=json` says, as far as it is used. */

const segment = z.string().regex(/^[0-9A-F]{24}$/)

const backupSchema = z.object({
  label: z.string(),
  type: z.enum(['full', 'diff', 'incr']),
  annotation: z.record(z.string(), z.string()).optional(),
  archive: z.object({ start: segment, stop: segment }),
  lsn: z.object({ start: z.string(), stop: z.string() }),
  /** Seconds since the epoch. */
  timestamp: z.object({ start: z.number(), stop: z.number() }),
  database: z.object({ id: z.number(), 'repo-key': z.number() }),
  info: z.object({ size: z.number(), repository: z.object({ delta: z.number() }) }),
  reference: z.array(z.string()).nullable(),
})

const infoSchema = z
  .array(
    z.object({
      backup: z.array(backupSchema),
      db: z.array(z.object({ id: z.number(), version: z.string() })),
      repo: z.array(z.object({ status: z.object({ code: z.number(), message: z.string() }) })).optional(),
      status: z.object({ code: z.number(), message: z.string() }),
    }),
  )
  .max(1)

/** Codes of its status: all well; no stanza yet; no backup yet; backups of an other database; no stanza in the data. */
const readable = new Set([0, 1, 2, 3])

const kinds = { full: 'full', diff: 'differential', incr: 'incremental' } as const

/**
 * Every complete backup, oldest first.
 * @throws OBJECT_DAMAGED when its list of backups cannot be read.
 */
export async function readBackups(stanza: Stanza): Promise<EngineBackup[]> {
  const damaged = (cause?: unknown) => {
    const problem = 'pgBackRest cannot read it: it is damaged, or was written with another key'
    return failure(
      'OBJECT_DAMAGED',
      { object: `${stanza.place}/backup/${stanza.name}/backup.info`, problem },
      { cause },
    )
  }
  const [info] = parseInfo(await stanza.run(['info', '--output=json']), damaged)
  if (!info) return []
  const codes = [info.status.code, ...(info.repo ?? []).map(({ status }) => status.code)]
  if (codes.some((code) => !readable.has(code))) throw damaged()
  return info.backup.map((backup) => {
    const version = info.db.find(({ id }) => id === backup.database.id)?.version ?? '0'
    return {
      engine: 'pgbackrest',
      detail: {
        references: backup.reference ?? [],
        timeline: Number.parseInt(backup.archive.start.slice(0, 8), 16),
        startLsn: backup.lsn.start,
        stopLsn: backup.lsn.stop,
        walStart: backup.archive.start,
        walStop: backup.archive.stop,
      },
      id: backup.label,
      label: backup.annotation?.['label'] ?? '',
      ...(backup.annotation?.['rule'] === undefined ? {} : { rule: backup.annotation['rule'] }),
      kind: kinds[backup.type],
      startedAt: backup.timestamp.start * 1000,
      stoppedAt: backup.timestamp.stop * 1000,
      // It writes whole seconds.
      restoresFrom: (backup.timestamp.stop + 1) * 1000,
      bytes: backup.info.size,
      storedBytes: backup.info.repository.delta,
      postgres: { version, major: Number.parseInt(version, 10) },
    }
  })
}

/** What it could not decrypt it quotes byte by byte, which is no JSON any more. */
function parseInfo(text: string, damaged: (cause: unknown) => Error): z.output<typeof infoSchema> {
  try {
    return infoSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw damaged(cause)
  }
}
