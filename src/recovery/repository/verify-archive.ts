import { createHash } from 'node:crypto'
import type { ManifestFile } from '../backup/backup-manifest.ts'
import { readTar } from '../backup/tar-reader.ts'
import type { Repository } from './repository.ts'

/**
 * Reads a part of the archive of a backup: genuine, and each file in it as the manifest says; without the manifest only that it is genuine.
 * @param missing files of the manifest that no part had yet; those of this one are taken out.
 */
export async function checkArchive(
  repository: Repository,
  key: string,
  missing: Map<string, ManifestFile> | undefined,
): Promise<void> {
  const { text } = await repository.read(key, { size: 'large' })
  for await (const entry of readTar(text, key)) {
    const hash = createHash('sha256')
    for await (const part of entry.content) hash.update(part)
    if (entry.type === 'directory' || !missing) continue
    const path = entry.name.replace(/^\.\//, '')
    const file = missing.get(path)
    if (!file || file.bytes !== entry.bytes || file.sha256 !== hash.digest('hex')) {
      throw new Error(`${path} in it is not what the manifest says.`)
    }
    missing.delete(path)
  }
}
