import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { layout } from '../../src/recovery/repository/layout.ts'
import { listBackups } from '../../src/recovery/repository/list-backups.ts'
import { once, openRepository } from '../../src/recovery/repository/repository.ts'
import { directoryStore } from '../../src/recovery/stores/directory-store.ts'
import { loadKeyRing } from '../../src/secrets/key-file.ts'
import { type S3Server, startS3Server } from '../s3-server/start-server.ts'
import type { Damaged, Scene } from './scene.ts'

/** Something that goes wrong, the command a person gives, and what must come of it. */
export interface RecoveryFault {
  /** As a heading of docs/recovery.md. */
  title: string
  /** The command, as the matrix shows it. */
  command: string
  /** Does the damage; `argv` is what is then run. */
  prepare(damaged: Damaged, scene: Scene): Promise<{ argv: string[]; undo?: () => Promise<void> }>
  /** Code and exit code that the person sees. */
  code: string
  exit: number
  /** What may be other than before, in the words of the matrix; undefined for nothing at all. */
  mayChange?: string
}

const restoring = 'aval restore --at latest'
const backingUp = 'aval backup create'
const restore = (damaged: Damaged) => ['restore', 'tiny', '--at', 'latest', '--to', damaged.target]
const backup = (...flags: string[]) => ['backup', 'create', 'tiny', '--database-url-from', 'AVAL_FAULT_URL', ...flags]

async function theBackup(damaged: Damaged): Promise<string> {
  const [id = ''] = await readdir(join(damaged.repository, 'backups'))
  return join(damaged.repository, 'backups', id)
}

/** The largest object of the backup: its files. */
async function archiveOf(damaged: Damaged): Promise<string> {
  const folder = await theBackup(damaged)
  const names = (await readdir(folder)).filter((name) => name.startsWith('base'))
  return join(folder, names.sort()[0] ?? '')
}

async function segments(damaged: Damaged): Promise<string[]> {
  const folder = join(damaged.repository, 'wal', '00000001')
  return (await readdir(folder)).sort().map((name) => join(folder, name))
}

async function flip(file: string, at: (length: number) => number): Promise<void> {
  const bytes = await readFile(file)
  const index = at(bytes.length)
  bytes[index] = (bytes[index] ?? 0) ^ 1
  await writeFile(file, bytes)
}

/** A store in the test's S3 service, as `--repository` names it. */
async function inBucket(damaged: Damaged, options: Parameters<typeof startS3Server>[0] = {}): Promise<S3Server> {
  const server = await startS3Server(options)
  process.env['AWS_ACCESS_KEY_ID'] = server.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = server.secretAccessKey
  process.env['AVAL_FAULT_URL'] = damaged.serverUrl
  return server
}

async function withBucketFault(damaged: Damaged, fault: Parameters<S3Server['fault']>[0]) {
  const server = await inBucket(damaged)
  const argv = backup('--repository', server.location('shop'))
  const first = await damaged.aval(...argv)
  if (first.code !== 0) throw new Error(`the store was not sound to begin with: ${first.err}`)
  server.fault(fault)
  return { argv, undo: server.close }
}

export const recoveryFaults: readonly RecoveryFault[] = [
  {
    title: 'The key is another one',
    command: restoring,
    prepare: async (damaged) => {
      await writeFile(damaged.keyFile, `${'0'.repeat(64)}\n`, { mode: 0o600 })
      return { argv: restore(damaged) }
    },
    code: 'REPOSITORY_WRONG_KEY',
    exit: 1,
  },
  {
    title: 'The key is gone',
    command: restoring,
    prepare: async (damaged) => {
      await rm(damaged.keyFile)
      return { argv: restore(damaged) }
    },
    code: 'KEY_MISSING',
    exit: 1,
  },
  {
    title: 'The head of an object is damaged',
    command: restoring,
    prepare: async (damaged) => {
      await flip(await archiveOf(damaged), () => 40)
      return { argv: restore(damaged) }
    },
    code: 'OBJECT_DAMAGED',
    exit: 1,
  },
  {
    title: 'A byte of a backup is damaged',
    command: restoring,
    prepare: async (damaged) => {
      await flip(await archiveOf(damaged), (length) => length - 1_000)
      return { argv: restore(damaged) }
    },
    code: 'OBJECT_DAMAGED',
    exit: 1,
  },
  {
    title: 'Two objects changed places',
    command: restoring,
    prepare: async (damaged) => {
      const [one = '', two = ''] = await segments(damaged)
      await rename(one, `${one}.aside`)
      await rename(two, one)
      await rename(`${one}.aside`, two)
      return { argv: restore(damaged) }
    },
    code: 'OBJECT_DAMAGED',
    exit: 1,
  },
  {
    title: 'A segment of WAL is missing',
    command: restoring,
    prepare: async (damaged) => {
      const [, second = ''] = await segments(damaged)
      await rm(second)
      return { argv: restore(damaged) }
    },
    code: 'RESTORE_WAL_MISSING',
    exit: 1,
  },
  {
    title: 'A segment of WAL is torn',
    command: restoring,
    prepare: async (damaged) => {
      const [, second = ''] = await segments(damaged)
      await truncate(second, 500)
      return { argv: restore(damaged) }
    },
    code: 'OBJECT_DAMAGED',
    exit: 1,
  },
  {
    title: 'Something is wrong somewhere in the store',
    command: 'aval backup verify',
    prepare: async (damaged) => {
      await flip(await archiveOf(damaged), (length) => length >> 1)
      return { argv: ['backup', 'verify', 'tiny'] }
    },
    code: 'not sound',
    exit: 1,
    mayChange: 'a note of what was found',
  },
  {
    title: 'The store is full',
    command: backingUp,
    prepare: (damaged) => withBucketFault(damaged, { kind: 'full' }),
    code: 'STORE_FULL',
    exit: 1,
    mayChange: 'parts of a backup, which count as none',
  },
  {
    title: 'The store is read-only',
    command: backingUp,
    prepare: (damaged) => withBucketFault(damaged, { kind: 'read-only' }),
    code: 'STORE_DENIED',
    exit: 1,
    mayChange: 'parts of a backup, which count as none',
  },
  {
    title: 'The permission is lost midway',
    command: backingUp,
    prepare: (damaged) => withBucketFault(damaged, { kind: 'read-only', key: 'backups/', after: 1 }),
    code: 'STORE_DENIED',
    exit: 1,
    mayChange: 'parts of a backup, which count as none',
  },
  {
    title: 'The clock of this machine is behind',
    command: backingUp,
    prepare: async (damaged) => {
      const server = await inBucket(damaged, { now: () => systemClock.now() + 3_600_000 })
      return { argv: backup('--repository', server.location('shop')), undo: server.close }
    },
    code: 'STORE_CLOCK_WRONG',
    exit: 1,
  },
  {
    title: 'The backups are of another server',
    command: backingUp,
    prepare: async (_, scene) => {
      const other = await scene.place.server('other')
      process.env['AVAL_FAULT_URL'] = other.url()
      return { argv: backup(), undo: () => other.stop('immediate') }
    },
    code: 'REPOSITORY_OTHER_SERVER',
    exit: 1,
    mayChange: 'the note of who writes',
  },
  {
    title: 'The backup is of a newer Postgres than is installed',
    command: restoring,
    prepare: async (damaged) => {
      const key = await loadKeyRing(damaged.keyFile)
      const repository = await openRepository({ store: directoryStore(damaged.repository), key, system: 'tiny' })
      const [info] = await listBackups(repository)
      if (!info) throw new Error('the scene has no backup')
      const newer = { ...info, postgres: { version: '99.1', major: 99 } }
      await rm(join(damaged.repository, layout.backup(info.id)))
      await repository.put(layout.backup(info.id), once(Buffer.from(JSON.stringify(newer))))
      return { argv: restore(damaged) }
    },
    code: 'POSTGRES_NOT_FOUND',
    exit: 1,
  },
  {
    title: 'The directory holds something',
    command: restoring,
    prepare: async (damaged) => ({ argv: ['restore', 'tiny', '--at', 'latest', '--to', damaged.root] }),
    code: 'RESTORE_NOT_EMPTY',
    exit: 2,
  },
  {
    title: 'A server runs on the directory',
    command: restoring,
    prepare: async (_, scene) => ({
      argv: ['restore', 'tiny', '--at', 'latest', '--to', scene.place.path('data')],
    }),
    code: 'RESTORE_SERVER_RUNNING',
    exit: 2,
  },
  {
    title: 'The moment cannot be restored',
    command: 'aval restore --at 2020-01-01T00:00:00Z',
    prepare: async (damaged) => ({
      argv: ['restore', 'tiny', '--at', '2020-01-01T00:00:00Z', '--to', damaged.target],
    }),
    code: 'RESTORE_OUTSIDE_WINDOW',
    exit: 2,
  },
  {
    title: 'The store is empty',
    command: restoring,
    prepare: async (damaged) => {
      await rm(damaged.repository, { recursive: true })
      return { argv: restore(damaged) }
    },
    code: 'REPOSITORY_ABSENT',
    exit: 1,
  },
]
