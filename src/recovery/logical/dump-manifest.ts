import { z } from 'zod'
import { failure } from '../../errors.ts'
import { type Repository, readWhole } from '../repository/repository.ts'
import type { DumpInfo } from './dump-info.ts'
import { roleSchema } from './roles.ts'
import { tableSumSchema } from './table-sums.ts'

const fileSchema = z.strictObject({
  /** Number of the database in `databases`. */
  database: z.int().min(0),
  /** As pg_dump called it. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

/** Everything a restore needs beside the rows. */
export const dumpManifestSchema = z.strictObject({
  format: z.literal(1),
  roles: z.array(roleSchema),
  databases: z.array(
    z.strictObject({
      name: z.string(),
      extensions: z.array(z.string()),
      tables: z.array(tableSumSchema),
    }),
  ),
  /** Objects of the store, each with the files whose bytes it holds one after the other. */
  packs: z.array(z.strictObject({ key: z.string(), files: z.array(fileSchema).min(1) })),
})

export type DumpManifest = z.infer<typeof dumpManifestSchema>
export type DumpFile = z.infer<typeof fileSchema>
export type DumpPack = DumpManifest['packs'][number]

/** @throws OBJECT_MISSING, OBJECT_DAMAGED also when it is a manifest, but of another dump. */
export async function readDumpManifest(repository: Repository, info: DumpInfo): Promise<DumpManifest> {
  const { key, digest } = info.manifest
  const text = await readWhole(repository, key)
  if (repository.digest(text) !== digest) {
    throw failure('OBJECT_DAMAGED', { object: key, problem: 'it is not the manifest of its dump' })
  }
  try {
    return dumpManifestSchema.parse(JSON.parse(text.toString('utf8')))
  } catch (cause) {
    const problem = 'its content is not what this version of Aval writes'
    throw failure('OBJECT_DAMAGED', { object: key, problem }, { cause })
  }
}
