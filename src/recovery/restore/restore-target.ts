import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { failure, messageOf } from '../../errors.ts'
import { markAlive, processExists, processMark } from '../../process.ts'
import { isErrno, syncDirectory } from '../durable.ts'

/*
 * The directory a restore writes into. While it does, `<directory>.restoring` beside it tells who is at work, so that what a
 * killed restore left is told from what somebody wants to keep. A directory whose `global/pg_control` is in place is never
 * taken for a leftover: that file is written last.
 */

const workSchema = z.strictObject({
  pid: z.int(),
  started: z.string().nullable(),
  /** Folder of the WAL that belongs to it. */
  wal: z.string(),
  /** The first directory that had to be made, to be removed again. */
  made: z.string().nullable(),
})

export interface RestoreTarget {
  directory: string
  /** Folder beside it for the WAL that recovery reads. */
  wal: string
  /** The restore is whole. */
  keep(): Promise<void>
  /** Removes everything that was written, as if nothing had been. */
  discard(): Promise<void>
}

/**
 * Takes a directory for a restore: one that is not there, that is empty, or that a restore which died left unfinished.
 * @throws RESTORE_SERVER_RUNNING, RESTORE_NOT_EMPTY, RESTORE_BUSY, RESTORE_PLACE_REFUSED; nothing is changed then.
 */
export async function claimTarget(path: string, name: string): Promise<RestoreTarget> {
  const directory = resolve(path)
  return claim(directory, name).catch((error: unknown) => {
    if (refusals.some((code) => isErrno(error, code)))
      throw failure('RESTORE_PLACE_REFUSED', { directory, reason: messageOf(error) }, { cause: error })
    throw error
  })
}

/** What a file system says of a place where nobody may write, or that holds no directories, such as /proc. */
const refusals = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ENOTSUP', 'EINVAL', 'ELOOP']

async function claim(directory: string, name: string): Promise<RestoreTarget> {
  const note = `${directory}.restoring`
  await clearUnfinished(directory, note)
  const names = await entriesOf(directory)
  if (await serverRuns(directory)) throw failure('RESTORE_SERVER_RUNNING', { directory })
  if (names !== undefined && names.length > 0) throw failure('RESTORE_NOT_EMPTY', { directory })

  const wal = `${directory}.wal-${name}`
  const made = (await mkdir(dirname(directory), { recursive: true })) ?? (names === undefined ? directory : null)
  const text = JSON.stringify({ ...processMark(process.pid), wal, made } satisfies z.infer<typeof workSchema>)
  await writeFile(note, text, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
    if (isErrno(error, 'EEXIST')) throw failure('RESTORE_BUSY', { directory })
    throw error
  })
  await syncDirectory(dirname(directory))
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await mkdir(wal, { mode: 0o700 })
  return {
    directory,
    wal,
    keep: async () => {
      await rm(note, { force: true })
      await syncDirectory(dirname(directory))
    },
    discard: () => remove(directory, note, wal, made),
  }
}

async function remove(directory: string, note: string, wal: string, made: string | null): Promise<void> {
  await rm(wal, { recursive: true, force: true })
  for (const name of (await entriesOf(directory)) ?? [])
    await rm(join(directory, name), { recursive: true, force: true })
  await rm(note, { force: true })
  if (made !== null) await rm(made, { recursive: true, force: true })
}

async function clearUnfinished(directory: string, note: string): Promise<void> {
  const text = await readFile(note, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  })
  if (text === undefined) return
  const work = parseWork(text)
  if (work && markAlive(work)) throw failure('RESTORE_BUSY', { directory })
  const whole = await stat(join(directory, 'global', 'pg_control')).catch(() => undefined)
  if (whole || !work) {
    await rm(note, { force: true })
    return
  }
  // Directories above it stay: whoever repeats the restore wants them.
  await remove(directory, note, work.wal, work.made === directory ? directory : null)
}

function parseWork(text: string): z.infer<typeof workSchema> | undefined {
  try {
    return workSchema.parse(JSON.parse(text))
  } catch {
    // Written just before a crash: nothing was restored yet.
    return undefined
  }
}

async function entriesOf(directory: string): Promise<string[] | undefined> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    if (isErrno(error, 'ENOTDIR')) throw failure('RESTORE_NOT_EMPTY', { directory })
    throw error
  }
}

/** Whether a server has the directory open. */
async function serverRuns(directory: string): Promise<boolean> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isInteger(pid) && pid > 0 && processExists(pid)
}
