import { readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { failure } from '../../errors.ts'
import type { Account } from '../../postgres/account.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { type ManifestFile, parseManifest } from '../backup/backup-manifest.ts'
import { patchedPath } from '../backup/incremental-file.ts'
import { syncDirectory, writeOwned } from '../durable.ts'
import { type Repository, readWhole } from '../repository/repository.ts'
import { parseLsn } from '../wal/lsn.ts'
import { firstDamagedPage } from './check-patched.ts'
import { type Unpacked, unpackBackup } from './restore-files.ts'

/** A backup with its manifest. */
export interface ManifestedBackup {
  backup: BackupInfo
  manifest: readonly ManifestFile[]
}

/**
 * The manifest of a backup, as it was when the backup was made.
 * @throws OBJECT_DAMAGED, OBJECT_MISSING
 */
export async function readManifest(repository: Repository, backup: BackupInfo): Promise<ManifestedBackup> {
  const { key, digest } = backup.manifest
  const text = await readWhole(repository, key)
  const manifest = parseManifest(text, key)
  if (repository.digest(text) !== digest) {
    throw failure('OBJECT_DAMAGED', { object: key, problem: 'it is not the manifest of its backup' })
  }
  return { backup, manifest }
}

export interface UnpackChainOptions {
  repository: Repository
  /** The full backup, then what was taken on it, in order. */
  chain: readonly ManifestedBackup[]
  directory: string
  account: Account | undefined
  onBytes?: (bytes: number) => void
  signal?: AbortSignal
}

/**
 * Writes the files of the full backup and brings them to the state of each later one in turn. What is read of every backup is held
 * against its own manifest, and every page of a file that was patched against its checksum, where the cluster has them. The directory
 * is no cluster before `finish`.
 * @throws OBJECT_DAMAGED
 */
export async function unpackChain(options: UnpackChainOptions): Promise<Pick<Unpacked, 'finish'>> {
  const { repository, chain, directory, account } = options
  const patched = new Set<string>()
  let done: Unpacked | undefined
  let previous: BackupInfo | undefined
  let there = new Set<string>()
  for (const { backup, manifest } of chain) {
    const unpacked = await unpackBackup({
      ...options,
      archives: backup.archives.map(({ key }) => ({
        object: key,
        open: async () => (await repository.read(key, { size: 'large' })).text,
      })),
      manifest,
      ...(done === undefined ? {} : { onto: true }),
    })
    const now = new Set(manifest.map(({ path }) => (done && patchedPath(path)) ?? path))
    if (done)
      await removeLeft(
        directory,
        [...there].filter((path) => !now.has(path)),
        done.directories,
        unpacked.directories,
      )
    if (previous) await takeLabel(directory, account, backup, previous)
    previous = backup
    for (const path of unpacked.patched) patched.add(path)
    there = now
    done = unpacked
  }
  const last = chain.at(-1)
  if (!done || !last) throw failure('UNEXPECTED', { problem: 'there is no backup to unpack' })
  if (chain.length > 1 && last.backup.pageChecksums) {
    for (const path of patched) {
      if (!there.has(path)) continue
      options.signal?.throwIfAborted()
      const block = await firstDamagedPage(directory, path, parseLsn(last.backup.startLsn))
      if (block === undefined) continue
      const problem = `page ${block} of ${path} does not have its checksum once it is put together with the backups before`
      throw failure('OBJECT_DAMAGED', { object: last.backup.manifest.key, problem })
    }
  }
  return done
}

/** Removes what the server had removed since the backup before. */
async function removeLeft(
  directory: string,
  files: readonly string[],
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
): Promise<void> {
  const parents = new Set<string>()
  for (const path of files) {
    await rm(join(directory, path))
    parents.add(dirname(join(directory, path)))
  }
  const left = [...before].filter((each) => !now.has(each))
  // Those inside others first.
  for (const each of left.sort((a, b) => relative(directory, b).length - relative(directory, a).length)) {
    await rmdir(each)
    parents.delete(each)
    parents.add(dirname(each))
  }
  for (const parent of parents) if (now.has(parent)) await syncDirectory(parent)
}

/**
 * Takes out the lines by which a server knows that it was given the difference alone, and refuses to start. They tell what it is the
 * difference to, which must be what it was applied to.
 */
async function takeLabel(
  directory: string,
  account: Account | undefined,
  backup: BackupInfo,
  previous: BackupInfo,
): Promise<void> {
  const file = join(directory, 'backup_label')
  const text = await readFile(file, 'utf8')
  const [, lsn = '0/0'] = /^INCREMENTAL FROM LSN: ([0-9A-F]+\/[0-9A-F]+)$/m.exec(text) ?? []
  const [, timeline] = /^INCREMENTAL FROM TLI: (\d+)$/m.exec(text) ?? []
  if (parseLsn(lsn) !== parseLsn(previous.startLsn) || Number(timeline) !== previous.timeline) {
    const problem = `it is not the difference to ${previous.id}`
    throw failure('OBJECT_DAMAGED', { object: backup.manifest.key, problem })
  }
  await writeOwned(file, text.replace(/^INCREMENTAL FROM (?:LSN|TLI): .*\n?/gm, ''), account)
}
