import { type Repository, readJson, readWhole } from '../repository/repository.ts'
import type { VerifyProblem } from '../repository/verify-problem.ts'
import { tombstones } from '../retention/tombstone.ts'
import { readDumpFiles } from './dump-files.ts'
import { type DumpInfo, dumpInfoSchema } from './dump-info.ts'
import { type DumpKey, dumpLayout, parseDumpKey } from './dump-layout.ts'
import { type DumpManifest, readDumpManifest } from './dump-manifest.ts'

/** Looks into the table of contents of one database of a dump; throws when it cannot be read. */
export type InspectContents = (dump: DumpInfo, database: string, contents: Uint8Array) => Promise<void>

/** The part of a verification that dumps share with everything else in the repository. */
export interface DumpChecks {
  check<T>(key: string, means: string, backups: string[], work: () => Promise<T>): Promise<T | undefined>
  add(key: string, kind: VerifyProblem['kind'], says: string, backups?: string[]): void
  progress(key: string): void
  inspect?: InspectContents | undefined
}

const contentsFile = 'toc.dat'

/** Reads every object of every dump to its last byte: each file must have the SHA-256 it was stored with. */
export async function verifyDumps(
  repository: Repository,
  keys: readonly string[],
  { check, add, progress, inspect }: DumpChecks,
): Promise<DumpInfo[]> {
  const means = 'The dump cannot be restored.'
  // What is on its way out is told as such with everything else that is.
  const removed = await tombstones(repository)
  const parsed = new Map(
    keys.flatMap((key): [string, DumpKey][] => {
      const what = parseDumpKey(key)
      return what && !removed.has(what.id) ? [[key, what]] : []
    }),
  )
  const dumps: DumpInfo[] = []
  const used = new Set<string>()
  for (const [key, { kind, id }] of parsed) {
    if (kind !== 'dump') continue
    const dump = await check(key, means, [id], () => readJson(repository, key, dumpInfoSchema))
    progress(key)
    if (!dump) continue
    dumps.push(dump)
    used.add(dump.manifest.key)
    const manifest = await check(dump.manifest.key, means, [id], () => readDumpManifest(repository, dump))
    progress(dump.manifest.key)
    for (const pack of manifest?.packs ?? []) {
      used.add(pack.key)
      await check(pack.key, means, [id], () => checkPack(repository, dump, pack, manifest?.databases ?? [], inspect))
      progress(pack.key)
    }
    const listed = await check(dumpLayout.listed(id), 'Whether it is the dump that was made cannot be told.', [], () =>
      readWhole(repository, dumpLayout.listed(id)),
    )
    if (listed && repository.digest(await readWhole(repository, key)) !== listed.toString()) {
      add(key, 'damaged', 'It is not the one that was written.', [id])
    }
  }
  for (const [key, { kind, id }] of parsed) {
    if (kind === 'dump-listed' && !parsed.has(dumpLayout.dump(id))) {
      add(dumpLayout.dump(id), 'missing', 'The dump was complete and cannot be restored now.', [id])
    }
    const left = (kind === 'dump-pack' || kind === 'dump-manifest') && !used.has(key)
    if (left && !parsed.has(dumpLayout.dump(id))) {
      await check(key, 'No dump depends on it.', [], () => readWholePieces(repository, key))
      add(key, 'unfinished', 'It belongs to no dump: one that was broken off, or whose object "dump" was removed.')
    }
  }
  return dumps
}

async function checkPack(
  repository: Repository,
  dump: DumpInfo,
  pack: DumpManifest['packs'][number],
  databases: DumpManifest['databases'],
  inspect: InspectContents | undefined,
): Promise<void> {
  const contents: { database: string; bytes: Buffer }[] = []
  await readDumpFiles({
    repository,
    packs: [pack],
    begin: async ({ database, name }) => {
      const pieces: Uint8Array[] | undefined = name === contentsFile && inspect ? [] : undefined
      return {
        write: async (bytes) => void pieces?.push(bytes),
        end: async () => {
          if (pieces) contents.push({ database: databases[database]?.name ?? '', bytes: Buffer.concat(pieces) })
        },
      }
    },
  })
  // Only what is known to be genuine is shown to a program.
  for (const { database, bytes } of contents) await inspect?.(dump, database, bytes)
}

async function readWholePieces(repository: Repository, key: string): Promise<void> {
  for await (const _ of (await repository.read(key)).text);
}
