import { createHash } from 'node:crypto'
import { z } from 'zod'
import { failure } from '../../errors.ts'

const fileSchema = z.union([
  z.object({ Path: z.string() }),
  // Names that are not UTF-8 are written as hexadecimal digits.
  z.object({ 'Encoded-Path': z.string().regex(/^([0-9a-f]{2})+$/i) }),
])

const manifestSchema = z.object({
  'PostgreSQL-Backup-Manifest-Version': z.union([z.literal(1), z.literal(2)]),
  Files: z.array(
    fileSchema.and(
      z.object({
        Size: z.int().min(0),
        'Checksum-Algorithm': z.literal('SHA256'),
        Checksum: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    ),
  ),
  'Manifest-Checksum': z.string().regex(/^[0-9a-f]{64}$/),
})

export interface ManifestFile {
  /** Relative to the data directory. */
  path: string
  bytes: number
  /** Hexadecimal. */
  sha256: string
}

/**
 * Reads Postgres's manifest of a backup and checks it against its own checksum.
 * @param object what it is called in errors.
 * @throws OBJECT_DAMAGED
 */
export function parseManifest(text: Buffer, object: string): ManifestFile[] {
  const problem = (what: string) => failure('OBJECT_DAMAGED', { object, problem: what })
  let manifest: z.infer<typeof manifestSchema>
  try {
    manifest = manifestSchema.parse(JSON.parse(text.toString('utf8')))
  } catch {
    throw problem('it is not a manifest with SHA-256 checksums')
  }
  // The checksum covers everything up to and including the line before its own.
  const end = text.lastIndexOf('"Manifest-Checksum"')
  const sum = createHash('sha256').update(text.subarray(0, end)).digest('hex')
  if (sum !== manifest['Manifest-Checksum']) throw problem('it does not have the checksum it ends with')
  return manifest.Files.map((file) => {
    const path = 'Path' in file ? file.Path : Buffer.from(file['Encoded-Path'], 'hex').toString('latin1')
    if (path.startsWith('/') || path.split('/').includes('..')) throw problem('a path in it leaves the data directory')
    return { path, bytes: file.Size, sha256: file.Checksum }
  })
}
